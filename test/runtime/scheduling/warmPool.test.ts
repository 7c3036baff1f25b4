import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  missingContainers,
  mustStay,
  presentContainers,
  wantedContainers,
  type WarmGroup,
  type WarmWish,
} from '../../../runtime/scheduling/warmPool';

const wish = (over: Partial<WarmWish> = {}): WarmWish => ({
  min: 0,
  buffer: 0,
  max: 4,
  active: true,
  working: 0,
  waiting: 0,
  ...over,
});
const group = (wishes: WarmWish[], over: Partial<WarmGroup> = {}): WarmGroup => ({
  wishes,
  others: { working: 0, waiting: 0 },
  idle: 0,
  coming: 0,
  ...over,
});

describe('containers that functions want at hand', () => {
  it('are as many as min_containers says, at once, and stay', () => {
    assert.equal(missingContainers(group([wish({ min: 3 })])), 3);
    assert.equal(missingContainers(group([wish({ min: 3 })], { coming: 1, idle: 1 })), 1);
    assert.equal(mustStay(group([wish({ min: 2 })], { idle: 2 })), true);
    assert.equal(mustStay(group([wish({ min: 2 })], { idle: 3 })), false);
  });

  it('are buffer_containers beyond the busy ones, one more for each that is taken', () => {
    assert.equal(missingContainers(group([wish({ buffer: 1, working: 1 })])), 1);
    assert.equal(missingContainers(group([wish({ buffer: 1, working: 1 })], { idle: 1 })), 0);
    assert.equal(missingContainers(group([wish({ buffer: 1, working: 2 })])), 1);
    // One that comes up for a call that waits is no buffer.
    assert.equal(missingContainers(group([wish({ buffer: 1, waiting: 1 })], { coming: 1 })), 1);
  });

  it('are no buffer once the function is out of use, and never more than max_containers', () => {
    assert.equal(missingContainers(group([wish({ buffer: 2, active: false })])), 0);
    assert.equal(mustStay(group([wish({ buffer: 2, active: false })], { idle: 2 })), false);
    assert.equal(missingContainers(group([wish({ buffer: 3, working: 3 })])), 1);
    assert.equal(missingContainers(group([wish({ min: 2, buffer: 3, working: 4 })])), 0);
  });

  it('are kept for their function while another one works in them', () => {
    const others = { working: 1, waiting: 0 };
    assert.equal(missingContainers(group([wish({ min: 1 })], { others })), 1);
  });
});

/** A group of one function as the pool keeps it: each step is something that happens to it. */
class Model {
  working = 0;
  waiting = 0;
  idle = 0;
  coming = 0;
  active = false;

  constructor(
    private readonly min: number,
    private readonly buffer: number,
    private readonly max: number,
  ) {}

  get total(): number {
    return this.working + this.idle + this.coming;
  }

  get group(): WarmGroup {
    const { min, buffer, max, active, working, waiting, idle, coming } = this;
    return group([wish({ min, buffer, max, active, working, waiting })], { idle, coming });
  }

  step(what: 'call' | 'end' | 'up' | 'die' | 'quiet'): void {
    if (what === 'call') this.waiting += 1;
    else if (what === 'end' && this.working > 0)
      [this.working, this.idle] = [this.working - 1, this.idle + 1];
    else if (what === 'up' && this.coming > 0)
      [this.coming, this.idle] = [this.coming - 1, this.idle + 1];
    else if (what === 'die' && this.idle > 0) this.idle -= 1;
    this.active = this.waiting + this.working > 0 || (this.active && what !== 'quiet');
    this.settle();
  }

  /** Places what waits, brings up what is missing, lets go of what is not wanted. */
  settle(): void {
    while (this.waiting > 0 && this.idle > 0 && this.working < this.max) {
      [this.waiting, this.idle, this.working] = [this.waiting - 1, this.idle - 1, this.working + 1];
    }
    if (this.waiting > 0 && this.coming === 0 && this.working < this.max) this.coming += 1;
    this.coming += missingContainers(this.group);
    while (this.idle > 0 && !this.active && !mustStay(this.group)) this.idle -= 1;
  }
}

describe('the warm pool, whatever happens', () => {
  const steps = fc.array(
    fc.constantFrom(
      'call' as const,
      'end' as const,
      'up' as const,
      'die' as const,
      'quiet' as const,
    ),
    { maxLength: 80 },
  );
  const sizes = fc
    .tuple(fc.nat(3), fc.nat(3), fc.integer({ min: 1, max: 5 }))
    .map(([min, buffer, max]) => ({ min: Math.min(min, max), buffer, max }));

  it('never has more than max_containers', () => {
    fc.assert(
      fc.property(sizes, steps, ({ min, buffer, max }, all) => {
        const model = new Model(min, buffer, max);
        for (const what of all) {
          model.step(what);
          assert.ok(model.total <= max, `${model.total} of ${max}`);
          assert.ok(wantedContainers(model.group) <= max);
        }
      }),
    );
  });

  it('has its buffer again after each take, as far as max_containers allows', () => {
    fc.assert(
      fc.property(sizes, steps, ({ min, buffer, max }, all) => {
        const model = new Model(min, buffer, max);
        for (const what of [...all, 'call' as const]) model.step(what);
        while (model.coming > 0) model.step('up');
        if (model.waiting > 0) assert.equal(model.working, max);
        else assert.ok(model.idle >= Math.min(buffer, max - model.working), JSON.stringify(model));
      }),
    );
  });

  it('has only min_containers left when nothing calls any more: none at scale to zero', () => {
    fc.assert(
      fc.property(sizes, steps, ({ min, buffer, max }, all) => {
        const model = new Model(min, buffer, max);
        for (const what of all) model.step(what);
        while (model.working + model.waiting + model.coming > 0) {
          model.step('up');
          model.step('end');
        }
        model.step('quiet');
        while (model.coming > 0) model.step('up');
        model.step('quiet');
        assert.equal(presentContainers(model.group), min);
      }),
    );
  });
});
