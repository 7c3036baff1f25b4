/** What versions stand on: which builds of images, which of these have to stay, and which are gone. */
import type { Engine } from '../engines/engine';
import type { DeployedFunction, ImagePin, Version, VersionName } from '../protocol/deployments';
import type { DeploymentStore } from '../store/deployments';
import type { Target } from '../scheduling/target';

/** Earlier versions of an environment whose images stay: as far as one usually goes back. */
const KEPT_FOR_ROLLBACK = 3;

/** What stands on an image. */
export interface ImageUse {
  /** An environment serves it. */
  served: boolean;
  /** For people, such as `version 3 of shop`. */
  by: string;
}

export interface VersionImagesOptions {
  deployments: DeploymentStore;
  engine: Pick<Engine, 'hasImage'>;
  warn: (message: string) => void;
}

export class VersionImages {
  constructor(private readonly options: VersionImagesOptions) {}

  /** What a function of a version is made of; undefined where it is not known. */
  pin({ app, version }: VersionName, qualname: string): ImagePin | undefined {
    const { functions } = this.options.deployments.version(app, version);
    return functions.find((each) => each.qualname === qualname)?.pin;
  }

  /** Images that are not to go, by key: of what environments serve, and of the last versions before. */
  kept(): ReadonlyMap<string, ImageUse> {
    const { deployments } = this.options;
    const kept = new Map<string, ImageUse>();
    for (const { app, serves } of deployments.apps()) {
      for (const { environment } of serves) {
        const moves = deployments.history(app, environment).map(({ version }) => version);
        const last = [...new Set(moves.toReversed())].slice(0, 1 + KEPT_FOR_ROLLBACK);
        for (const [back, number] of last.entries()) {
          for (const { pin } of deployments.version(app, number).functions) {
            if (pin === undefined || kept.get(pin.key)?.served === true) continue;
            kept.set(pin.key, { served: back === 0, by: `version ${number} of ${app}` });
          }
        }
      }
    }
    return kept;
  }

  /** The image of a target is there. What is not what its version was deployed with is what it stands on now. */
  async ready({ version, image, function: { qualname } }: Target): Promise<void> {
    if (version === undefined) return;
    const pin = await image.pin();
    if (pin !== undefined) this.repin(version, qualname, pin);
  }

  /** A version stands on these builds. */
  repinAll(version: VersionName, functions: readonly DeployedFunction[]): void {
    for (const { qualname, pin } of functions) {
      if (pin !== undefined) this.repin(version, qualname, pin);
    }
  }

  /** For people: functions of a version whose containers would not be made of what was deployed. */
  async lost({ functions }: Version): Promise<string[]> {
    const found = await Promise.all(
      functions.map(async ({ qualname, pin }) => {
        if (pin === undefined)
          return `${qualname}: which build of its image was deployed is unknown`;
        if (await this.options.engine.hasImage(pin)) return undefined;
        return `${qualname}: the image that was deployed is gone; another build of it will serve, and may differ`;
      }),
    );
    return found.filter((line) => line !== undefined);
  }

  private repin(name: VersionName, qualname: string, pin: ImagePin): void {
    const { app, version } = name;
    const before = this.pin(name, qualname);
    if (before?.key === pin.key && before.build === pin.build) return;
    this.options.deployments.repin(name, qualname, pin);
    if (before === undefined) return;
    this.options.warn(
      `The image ${before.key} of version ${version} of ${app} was gone: ${qualname} stands on another build now.`,
    );
  }
}
