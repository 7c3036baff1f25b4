/** `stopOnEntry`: a breakpoint on the function's name, until it is reached. Pure but for what it is handed. */
import { isBody, type DapBody } from './dap';

type Send = (command: string, args: DapBody) => void;

export class EntryStop {
  private reachedOnce = false;
  private set = false;
  private others: unknown[] = [];

  /** `name`: what follows `def`. */
  constructor(private readonly name: string) {}

  /** The editor's function breakpoints with ours. */
  added(args: DapBody): DapBody {
    this.others = Array.isArray(args['breakpoints']) ? args['breakpoints'] : [];
    if (this.reachedOnce) return args;
    this.set = true;
    return { ...args, breakpoints: [...this.others, { name: this.name }] };
  }

  /** Sets ours where the editor had none to set. */
  ensure(send: Send): void {
    if (!this.set) send('setFunctionBreakpoints', this.added({}));
  }

  /** The event of a stop as the editor should see it. Ours is taken away at the first one. */
  reached(body: DapBody, send: Send): DapBody {
    if (this.reachedOnce || body['reason'] !== 'function breakpoint') return body;
    this.reachedOnce = true;
    send('setFunctionBreakpoints', { breakpoints: this.others });
    const { hitBreakpointIds: _ours, ...rest } = body;
    return { ...rest, reason: 'entry' };
  }

  /** The editor's own breakpoints of a response, without ours at its end. */
  answer(body: DapBody): DapBody {
    const list: unknown = body['breakpoints'];
    if (!Array.isArray(list)) return body;
    return { ...body, breakpoints: list.slice(0, this.others.length).filter(isBody) };
  }
}
