/** Docker's client: a bundle of its own, loaded when Docker is first asked. Holds no code of ours, whose classes must be one. */
export { default as Docker } from 'dockerode';
