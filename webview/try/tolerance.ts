/** How far apart two numbers may be and still count as equal. */
import { formField } from '../controls';
import type { Host } from '../host';
import { toleranceText } from '../../runtime/protocol/compareTexts';

export function createTolerance(host: Host): {
  readonly element: HTMLElement;
  update(tolerance: number): void;
} {
  const field = formField({
    label: 'Tolerance',
    hint: 'Relative deviation up to which two numbers count as equal, such as 1e-6; 0 wants them the same',
    value: '',
    testId: 'compare-tolerance',
    onInput: (text) => {
      const tolerance = Number(text);
      const fine = text.trim() !== '' && tolerance >= 0 && tolerance <= 1;
      field.setInvalid(!fine);
      if (fine) host.post({ type: 'tryTolerance', tolerance });
    },
    onEnter: () => undefined,
  });
  field.element.classList.add('tolerance');
  return {
    element: field.element,
    update: (tolerance) => {
      // What is being typed stays as typed.
      if (field.value.trim() === '' || Number(field.value) !== tolerance) {
        if (!field.element.matches(':focus-within')) field.value = toleranceText(tolerance);
      }
    },
  };
}
