/** How an image's build fails, whichever engine builds it. */
import type { ImagePlace } from '../protocol/description';
import type { RunError } from '../protocol/values';
import { installFailure } from './installProgress';

/** Lines of the log that go with the error. */
export const SHOWN_LINES = 20;

/** A failed build, with the line of the layer that failed. */
export class ImageBuildError extends Error {
  override readonly name = 'ImageBuildError';
  constructor(readonly runError: RunError) {
    super(runError.message);
  }
}

/** The layer's line in the user's file as the one frame of a traceback; empty where it is not known. */
export function placeTraceback(place: ImagePlace | undefined): RunError['traceback'] {
  if (place?.file === undefined || place.line === undefined) return [];
  return [{ file: place.file, line: place.line, function: 'image' }];
}

/** `what` was to be installed; `output` is what the installer printed. */
export function pipFailure(
  what: string,
  output: string,
  place: ImagePlace | undefined,
): RunError & { kind: 'image' } {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return {
    kind: 'image',
    type: 'PipInstallFailed',
    message: `Installing ${what} failed: ${installFailure(output)}`,
    traceback: placeTraceback(place),
    ...(lines.length === 0 ? {} : { text: lines.slice(-SHOWN_LINES).join('\n') }),
    hint: 'Correct the name or version in the image, or see the log for what the installer printed.',
  };
}
