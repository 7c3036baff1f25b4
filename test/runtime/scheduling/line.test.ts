import assert from 'node:assert/strict';
import fc from 'fast-check';
import { inTurn, placesInLine, placeText } from '../../../runtime/scheduling/line';

describe('a line of those who wait', () => {
  it('takes one of each app in turn', () => {
    assert.deepEqual(inTurn([['a1', 'a2', 'a3'], ['b1'], ['c1', 'c2']]), [
      'a1',
      'b1',
      'c1',
      'a2',
      'c2',
      'a3',
    ]);
  });

  it('is one for all who wait for something in common', () => {
    const order = [['L4-0'], ['A100-0'], ['L4-0', 'A100-0'], ['L4-0'], ['places']];
    assert.deepEqual(placesInLine(order), [1, 1, 3, 3, 1]);
  });

  it('loses nobody and gives nobody a place behind its number', () => {
    const queues = fc.array(fc.array(fc.nat(3).map(String), { maxLength: 6 }), { maxLength: 6 });
    fc.assert(
      fc.property(queues, (apps) => {
        const order = inTurn(apps);
        assert.deepEqual([...order].sort(), apps.flat().sort());
        const places = placesInLine(order.map((thing) => [thing]));
        for (const [index, place] of places.entries()) {
          const ahead = order.slice(0, index).filter((other) => other === order[index]);
          assert.equal(place, ahead.length + 1);
        }
      }),
    );
  });

  it('is told exactly near its head and in tens far behind', () => {
    const places = [1, 2, 3, 4, 11, 12, 13, 20, 21, 22, 121];
    assert.deepEqual(places.map(placeText), [
      '1st in line',
      '2nd in line',
      '3rd in line',
      '4th in line',
      '11th in line',
      '12th in line',
      '13th in line',
      '20th in line',
      'more than 10 ahead',
      'more than 20 ahead',
      'more than 110 ahead',
    ]);
  });
});
