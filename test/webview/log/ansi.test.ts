import assert from 'node:assert/strict';
import fc from 'fast-check';
import { paletteColour, plainText, terminalLine } from '../../../webview/log/ansi';

const ESC = '\u001b';

describe('a printed line', () => {
  it('keeps plain text as it is', () => {
    assert.deepEqual(terminalLine('loss 0.1\tok'), [{ text: 'loss 0.1\tok', style: null }]);
    assert.deepEqual(terminalLine(''), []);
  });

  it('takes its colours from the escapes and drops the escapes', () => {
    const [info, rest] = terminalLine(`${ESC}[1;32mINFO${ESC}[0m ready`);
    assert.equal(info?.text, 'INFO');
    assert.equal(info?.style?.fg, 2);
    assert.equal(info?.style?.bold, true);
    assert.deepEqual(rest, { text: ' ready', style: null });
  });

  it('knows the palette and true colours, with their ends', () => {
    const spans = terminalLine(`${ESC}[38;5;208ma${ESC}[48;2;1;2;300mb${ESC}[39;49mc`);
    assert.equal(spans[0]?.style?.fg, 208);
    assert.equal(spans[1]?.style?.bg, 'rgb(1, 2, 255)');
    assert.equal(spans[2]?.style, null);
    assert.equal(paletteColour(208), 'rgb(255, 135, 0)');
    assert.equal(paletteColour(255), 'rgb(238, 238, 238)');
  });

  it('shows the last state of a progress bar', () => {
    assert.equal(plainText('  0%|    |\r 50%|##  |\r100%|####|'), '100%|####|');
    assert.equal(plainText('downloading 9 MB\rdone'), 'doneloading 9 MB');
    assert.equal(plainText(`downloading 9 MB\r${ESC}[Kdone`), 'done');
    assert.equal(plainText('windows line\r'), 'windows line');
    assert.equal(plainText('ab\bc'), 'ac');
  });

  it('drops titles, links and cursor moves over lines', () => {
    assert.equal(plainText(`${ESC}]0;title\u0007a${ESC}[2Ab${ESC}[?25lc`), 'abc');
    assert.equal(plainText(`${ESC}]8;;http://x${ESC}\\link${ESC}]8;;${ESC}\\`), 'link');
  });

  it('never shows a control character, whatever is printed', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(ESC, `${ESC}[`, `${ESC}]`, '\r', '\b', '31m', 'K', '99999C', '\u009b'),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = plainText(pieces.join('').replaceAll('\n', ''));
        // eslint-disable-next-line no-control-regex -- the point of the test
        assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      }),
    );
  });
});
