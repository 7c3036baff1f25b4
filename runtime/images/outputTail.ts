/** The last of what a build has printed, for those who come to wait for it later. Pure. */

/** Characters that are kept, in whole lines. */
const KEPT = 16_384;
const CUT = '… what the build printed before this is left out\n';

export class OutputTail {
  private kept = '';
  private cut = false;

  /** Newlines included. */
  add(text: string): void {
    this.kept += text;
    // Thinned at twice the size: a build that prints much is not cut at each line.
    if (this.kept.length <= 2 * KEPT) return;
    const from = this.kept.indexOf('\n', this.kept.length - KEPT - 1) + 1;
    // A line that is longer than all that is kept shows its end.
    this.kept = this.kept.slice(from === 0 ? -KEPT : from);
    this.cut = true;
  }

  /** Empty where nothing was printed. */
  get text(): string {
    return this.cut ? CUT + this.kept : this.kept;
  }
}
