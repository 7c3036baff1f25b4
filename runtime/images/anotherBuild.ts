/** Said in the log of whoever waits, where the image that a version was deployed with is there no more. */
export const ANOTHER_BUILD =
  'The image that was deployed is gone. Another build of it serves, and may hold other packages.\n';
