/** What the runtime loads when it is to place containers with Docker; a bundle of its own. */
export { checkDocker } from './check';
export { createDockerEngine } from './dockerEngine';
