/** The log of the selected run: filter, wrap, copy, and following the end. */
import type { RunRecord } from '../../runtime/protocol/runRecord';
import { button, setPressed, textInput } from '../controls';
import { h, setText, show } from '../dom';
import { formatCount, plural } from '../../runtime/protocol/figures';
import type { Host } from '../host';
import type { LogChange } from '../state';
import { BlockList } from './blocks';
import { entryText, LogBuffer, type LogDelta, type LogEntry } from './buffer';
import { logRow, onFileLink } from './rows';

const ROW_PX = 18;
/** The editor takes no longer text. */
const MAX_COPY = 10_000_000;

export interface LogView {
  readonly element: HTMLElement;
  update(record: RunRecord | null, change: LogChange): void;
}

export function createLogView(host: Host): LogView {
  const buffer = new LogBuffer();
  let run: string | null = null;
  let filter = host.prefs.filter;
  let shown = 0;

  const count = h('span', { class: 'muted count' });
  const older = h('button', { type: 'button', class: 'line older', hidden: true });
  const empty = h('p', { class: 'placeholder' });
  const scroller = h('div', {
    class: 'log-lines',
    role: 'log',
    'aria-live': 'off',
    'aria-label': 'Output of the run',
    tabindex: 0,
    'data-testid': 'log',
  });
  scroller.append(older, empty);
  const list = new BlockList<LogEntry>({
    scroller,
    draw: (entry) => logRow(entry, filter),
    rowPx: ROW_PX,
    onFollow: (following) => {
      show(toEnd, !following);
    },
  });

  const search = textInput({
    label: 'Filter the log',
    placeholder: 'Filter',
    value: filter,
    icon: 'filter',
    onInput: (value) => {
      filter = value;
      host.setPrefs({ filter });
      rebuild();
      describe();
    },
  });
  const wrap = button({
    label: 'Wrap long lines',
    icon: 'wrap',
    kind: 'icon',
    onClick: () => {
      setWrap(!host.prefs.wrap);
      host.setPrefs({ wrap: !host.prefs.wrap });
    },
  });
  const toEnd = button({
    label: 'Scroll to the end and follow',
    icon: 'bottom',
    kind: 'icon',
    onClick: () => {
      list.follow();
    },
  });
  show(toEnd, false);
  const copy = button({ label: 'Copy log', icon: 'copy', kind: 'icon', onClick: copyLog });
  const openLog = button({
    label: 'Open the full log in an editor',
    icon: 'open',
    kind: 'icon',
    onClick: openFullLog,
  });
  const tools = h('div', { class: 'tools' }, toEnd, search.element, wrap, copy, openLog);
  const element = h(
    'section',
    { class: 'log-panel', 'aria-label': 'Log' },
    h('header', { class: 'section-head' }, h('h2', {}, 'Log'), count, tools),
    scroller,
  );

  older.addEventListener('click', openFullLog);
  onFileLink(scroller, (file, line) => {
    host.post({ type: 'openFile', file, line });
  });
  setWrap(host.prefs.wrap);

  function setWrap(on: boolean): void {
    scroller.classList.toggle('wrap', on);
    setPressed(wrap, on);
  }

  function openFullLog(): void {
    if (run !== null) host.post({ type: 'openLog', run });
  }

  function matching(entries: Iterable<LogEntry>): LogEntry[] {
    if (filter === '') return [...entries];
    const wanted = filter.toLowerCase();
    return [...entries].filter(
      (entry) => entry.kind === 'gap' || entryText(entry).toLowerCase().includes(wanted),
    );
  }

  function copyLog(): void {
    const selection = document.getSelection();
    const selected =
      selection !== null && !selection.isCollapsed && scroller.contains(selection.anchorNode)
        ? selection.toString()
        : '';
    const text = selected || matching(buffer.entries).map(entryText).join('\n');
    if (text !== '') host.post({ type: 'copy', text: text.slice(-MAX_COPY) });
  }

  function rebuild(): void {
    const entries = matching(buffer.entries);
    shown = entries.length;
    list.reset(entries);
  }

  function applyDelta(delta: LogDelta): void {
    // A line that grew may begin to match, at a place in the middle.
    if (delta.rebuilt || (filter !== '' && delta.changed.size > 0)) {
      rebuild();
      return;
    }
    const added = matching(delta.added);
    shown += added.length - matching(delta.evicted).length;
    list.removeFirst(delta.evicted);
    list.append(added);
    if (delta.changed.size > 0) list.redraw(delta.changed);
  }

  function describe(record: RunRecord | null = null): void {
    const total = buffer.entries.length;
    setText(
      count,
      filter === ''
        ? total === 0
          ? ''
          : plural(total, 'line')
        : `${formatCount(shown)} of ${plural(total, 'line')}`,
    );
    show(older, buffer.older > 0);
    setText(older, `${plural(buffer.older, 'older line is', 'older lines are')} in the full log`);
    show(empty, shown === 0);
    if (total > 0) setText(empty, 'No line matches the filter.');
    else if (record !== null) {
      setText(empty, record.status === 'active' ? 'Nothing printed yet.' : 'Nothing was printed.');
    }
  }

  return {
    element,
    update: (record, change) => {
      const other = record?.run !== run;
      run = record?.run ?? null;
      if (change.kind === 'replace') {
        buffer.replace(change.lines, change.dropped);
        buffer.setGaps(record?.gaps ?? []);
        rebuild();
        if (other) list.follow();
      } else {
        if (change.kind === 'append') applyDelta(buffer.append(change.lines, change.dropped));
        applyDelta(buffer.setGaps(record?.gaps ?? []));
      }
      describe(record);
    },
  };
}
