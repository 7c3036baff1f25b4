/**
 * The page's form controls: the one file that knows the control set. Everything else asks for a button,
 * a text field or a picker, so that another set is a change here alone.
 *
 * Badge and tag of this set write style attributes, which the page's policy forbids; they are not used.
 */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeProgressRing,
  vsCodeTextField,
  type Dropdown,
  type TextField,
} from '@vscode/webview-ui-toolkit';
import { h } from './dom';
import { icon, type IconName } from './icons';

/** Defines the custom elements; once, before the first control is made. */
export function registerControls(): void {
  provideVSCodeDesignSystem().register(
    vsCodeButton(),
    vsCodeDropdown(),
    vsCodeOption(),
    vsCodeProgressRing(),
    vsCodeTextField(),
  );
}

export interface ButtonOptions {
  label: string;
  icon?: IconName;
  /** `icon` shows the icon alone, with the label as tooltip and accessible name. */
  kind: 'primary' | 'secondary' | 'icon';
  testId?: string;
  onClick: () => void;
}

export function button(options: ButtonOptions): HTMLElement {
  const element = document.createElement('vscode-button');
  element.setAttribute('appearance', options.kind);
  if (options.testId !== undefined) element.dataset.testid = options.testId;
  if (options.kind === 'icon') {
    element.setAttribute('aria-label', options.label);
    element.title = options.label;
  } else {
    element.append(options.label);
  }
  if (options.icon !== undefined) {
    const image = icon(options.icon);
    if (options.kind !== 'icon') image.setAttribute('slot', 'start');
    element.append(image);
  }
  element.addEventListener('click', options.onClick);
  return element;
}

/** Shows a button as switched on or off. */
export function setPressed(element: HTMLElement, pressed: boolean): void {
  // As a property: this control hands the attribute of that name to nobody.
  element.ariaPressed = String(pressed);
  element.classList.toggle('pressed', pressed);
}

export interface TextInput {
  readonly element: HTMLElement;
  readonly value: string;
  focus(): void;
}

/** A single line of text; `onInput` gets the text on every change, Escape empties it. */
export function textInput(options: {
  label: string;
  placeholder: string;
  value: string;
  icon: IconName;
  onInput: (value: string) => void;
}): TextInput {
  const element = document.createElement('vscode-text-field') as TextField;
  element.setAttribute('placeholder', options.placeholder);
  // The control takes its accessible name from its text, which the style sheet hides.
  element.append(options.label);
  element.setAttribute('value', options.value);
  const image = icon(options.icon);
  image.setAttribute('slot', 'start');
  element.append(image);
  element.addEventListener('input', () => {
    options.onInput(element.value);
  });
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || element.value === '') return;
    event.preventDefault();
    element.value = '';
    options.onInput('');
  });
  return {
    element,
    get value() {
      return element.value;
    },
    focus: () => {
      element.focus();
    },
  };
}

export interface FormField {
  readonly element: HTMLElement;
  value: string;
  /** Marks what is in it as wrong, or no more. */
  setInvalid(invalid: boolean): void;
  focus(): void;
}

/** A line of a form under its visible name; Enter sends the form. */
export function formField(options: {
  label: string;
  hint: string;
  value: string;
  testId?: string;
  onInput: (value: string) => void;
  onEnter: () => void;
}): FormField {
  const element = document.createElement('vscode-text-field') as TextField;
  element.classList.add('form-field');
  element.setAttribute('placeholder', options.hint);
  element.title = options.hint;
  if (options.testId !== undefined) element.dataset.testid = options.testId;
  element.append(options.label);
  element.setAttribute('value', options.value);
  element.addEventListener('input', () => {
    options.onInput(element.value);
  });
  element.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') options.onEnter();
  });
  return {
    element,
    get value() {
      return element.value;
    },
    set value(value) {
      if (element.value !== value) element.value = value;
    },
    setInvalid: (invalid) => {
      element.ariaInvalid = String(invalid);
      element.classList.toggle('invalid', invalid);
    },
    focus: () => {
      element.focus();
    },
  };
}

/** Takes the keyboard and the pointer away from a control, or gives them back. */
export function setDisabled(element: HTMLElement, disabled: boolean): void {
  element.toggleAttribute('disabled', disabled);
}

export interface PickerItem {
  id: string;
  label: string;
}

export interface Picker {
  readonly element: HTMLElement;
  /** Replaces the items when they changed. Waits while the list is open under the person's hand. */
  update(items: readonly PickerItem[], selected: string | null): void;
}

/** A drop-down list; `onPick` gets the id of the item that the person chose. */
export function picker(options: { label: string; onPick: (id: string) => void }): Picker {
  const element = document.createElement('vscode-dropdown') as Dropdown;
  element.setAttribute('aria-label', options.label);
  element.title = options.label;
  let shown = '';
  let waiting: (() => void) | null = null;
  const apply = (items: readonly PickerItem[], selected: string | null): void => {
    const key = JSON.stringify([items, selected]);
    if (key === shown) return;
    shown = key;
    // It keeps the place, not the item: one that comes before the selected one would be shown in its stead.
    element.selectedIndex = items.findIndex(({ id }) => id === selected);
    element.replaceChildren(
      ...items.map((item) => {
        const option = document.createElement('vscode-option');
        option.setAttribute('value', item.id);
        option.toggleAttribute('selected', item.id === selected);
        option.title = item.label;
        option.append(item.label);
        return option;
      }),
    );
  };
  element.addEventListener('change', () => {
    options.onPick(element.value);
  });
  element.addEventListener('focusout', () => {
    waiting?.();
    waiting = null;
  });
  return {
    element,
    update: (items, selected) => {
      if (element.open)
        waiting = () => {
          apply(items, selected);
        };
      else apply(items, selected);
    },
  };
}

/** An endless progress ring with its meaning for screen readers. */
export function progressRing(label: string): HTMLElement {
  const ring = document.createElement('vscode-progress-ring');
  ring.setAttribute('aria-label', label);
  return h('span', { class: 'ring' }, ring);
}
