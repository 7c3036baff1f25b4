/** VS Code can't be had on this machine; the message says why and what would help. */
export class VscodeUnavailable extends Error {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super(message, options);
    this.name = 'VscodeUnavailable';
  }
}
