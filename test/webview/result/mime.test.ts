import assert from 'node:assert/strict';
import {
  formText,
  imageSource,
  isTable,
  oneLine,
  shownForms,
  TABLE_MIME,
} from '../../../webview/result/mime';
import { tableCaption } from '../../../webview/result/table';

const table = {
  columns: ['a', 'b'],
  dtypes: ['int64', 'object'],
  rows: [
    [1, null],
    [2, 'x'],
  ],
  totalRows: 12_345,
};

describe('forms of a result', () => {
  it('shows the richest form first and nothing that it can’t show', () => {
    const bundle = { 'text/plain': 'x', 'application/x-tar': '', 'image/png': '', 'text/csv': '' };
    assert.deepEqual(shownForms(bundle), ['image/png', 'text/plain', 'text/csv']);
    assert.deepEqual(shownForms({ 'text/html': '', [TABLE_MIME]: table }), [
      TABLE_MIME,
      'text/html',
    ]);
  });

  it('embeds pictures as data, SVG as text that can’t leave its attribute', () => {
    assert.equal(imageSource('image/png', 'iVBO\nRw=='), 'data:image/png;base64,iVBORw==');
    assert.equal(
      imageSource('image/svg+xml', '<svg a="#1"/>'),
      'data:image/svg+xml;charset=utf-8,%3Csvg%20a%3D%22%231%22%2F%3E',
    );
  });

  it('checks a table before it is drawn, and says how much of it is here', () => {
    assert.equal(isTable(table), true);
    for (const wrong of [null, 'x', { ...table, rows: [1] }, { ...table, columns: [1] }]) {
      assert.equal(isTable(wrong), false);
    }
    assert.equal(tableCaption(table), '2 of 12,345 rows · 2 columns');
  });

  it('copies tables as tab-separated text and the rest as JSON', () => {
    assert.equal(formText(TABLE_MIME, table), 'a\tb\n1\t\n2\tx');
    assert.equal(formText('application/json', { a: [1] }), '{\n  "a": [\n    1\n  ]\n}');
  });

  it('puts a yielded item in one line', () => {
    assert.equal(oneLine({ value: 'tok' }), 'tok');
    assert.equal(oneLine({ value: { a: 1 } }), '{"a":1}');
    assert.equal(oneLine({ mime: { 'image/png': 'x', 'text/plain': '<Image>' } }), '<Image>');
    assert.equal(oneLine({ mime: { 'image/png': 'x' } }), 'Picture');
  });
});
