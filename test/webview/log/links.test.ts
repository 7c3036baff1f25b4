import assert from 'node:assert/strict';
import { findFileLinks } from '../../../webview/log/links';
import { cutSegments, findMatches } from '../../../webview/log/segments';

const places = (text: string): [string, number][] =>
  findFileLinks(text).map(({ file, line }) => [file, line]);

describe('places named in the log', () => {
  it('links the frames of a traceback', () => {
    assert.deepEqual(places('  File "pkg/my app.py", line 41, in train'), [['pkg/my app.py', 41]]);
  });

  it('links the places that warnings name', () => {
    assert.deepEqual(places('/venv/lib/base.py:1090: UserWarning: slow'), [
      ['/venv/lib/base.py', 1090],
    ]);
    assert.deepEqual(places('C:\\work\\app.py:3: note'), [['C:\\work\\app.py', 3]]);
  });

  it('links nothing that is no file', () => {
    assert.deepEqual(places('  File "<string>", line 1, in <module>'), []);
    assert.deepEqual(places('File "a.py", line 0'), []);
    assert.deepEqual(places('see app.py and main.pyc:3 at 12:30'), []);
  });

  it('covers exactly the named place, so that the text around stays text', () => {
    const text = 'at pkg/a.py:3 now';
    const [link] = findFileLinks(text);
    assert.equal(text.slice(link?.start, link?.end), 'pkg/a.py:3');
  });
});

describe('a line cut for drawing', () => {
  it('keeps its text when a link, a colour and a match overlap', () => {
    const spans = [
      { text: 'at pkg/', style: null },
      { text: 'a.py:3 now', style: null },
    ];
    const text = 'at pkg/a.py:3 now';
    const segments = cutSegments(spans, findFileLinks(text), findMatches(text, 'T PKG/A'));
    assert.equal(segments.map((segment) => segment.text).join(''), text);
    const matched = segments.filter((segment) => segment.match).map((segment) => segment.text);
    assert.equal(matched.join(''), 't pkg/a');
    const linked = segments.filter((segment) => segment.link !== null);
    assert.equal(linked.map((segment) => segment.text).join(''), 'pkg/a.py:3');
  });
});
