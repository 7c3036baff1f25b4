/** The theme variables that VS Code gives a page, as its default themes set them. */

export type ThemeName = 'dark' | 'light' | 'high-contrast';

const ansi = (colours: string): Record<string, string> => {
  const names = ['Black', 'Red', 'Green', 'Yellow', 'Blue', 'Magenta', 'Cyan', 'White'];
  const all = [...names, ...names.map((name) => `Bright${name}`)];
  return Object.fromEntries(
    colours.split(' ').map((colour, index) => [`terminal-ansi${all[index] ?? ''}`, colour]),
  );
};

const fonts = {
  'font-family': 'system-ui, "Ubuntu", "Droid Sans", sans-serif',
  'font-size': '13px',
  'editor-font-family': '"Droid Sans Mono", "monospace", monospace',
  'editor-font-size': '14px',
  'font-weight': 'normal',
};

const dark = {
  ...fonts,
  ...ansi(
    '#000000 #cd3131 #0dbc79 #e5e510 #2472c8 #bc3fbc #11a8cd #e5e5e5 ' +
      '#666666 #f14c4c #23d18b #f5f543 #3b8eea #d670d6 #29b8db #e5e5e5',
  ),
  foreground: '#cccccc',
  descriptionForeground: '#9d9d9d',
  'panel-background': '#181818',
  'panel-border': '#2b2b2b',
  'widget-border': '#313131',
  'editor-background': '#1f1f1f',
  'editor-foreground': '#cccccc',
  focusBorder: '#0078d4',
  'button-background': '#0078d4',
  'button-foreground': '#ffffff',
  'button-hoverBackground': '#026ec1',
  'button-border': 'rgba(255, 255, 255, 0.07)',
  'button-secondaryBackground': '#313131',
  'button-secondaryForeground': '#cccccc',
  'button-secondaryHoverBackground': '#3c3c3c',
  'input-background': '#313131',
  'input-foreground': '#cccccc',
  'input-border': '#3c3c3c',
  'input-placeholderForeground': '#989898',
  'dropdown-background': '#313131',
  'dropdown-foreground': '#cccccc',
  'dropdown-border': '#3c3c3c',
  'settings-dropdownBackground': '#313131',
  'settings-dropdownListBorder': '#454545',
  'list-activeSelectionBackground': '#04395e',
  'list-activeSelectionForeground': '#ffffff',
  'list-hoverBackground': '#2a2d2e',
  'toolbar-hoverBackground': 'rgba(90, 93, 94, 0.31)',
  errorForeground: '#f85149',
  'editorWarning-foreground': '#cca700',
  'progressBar-background': '#0078d4',
  'textLink-foreground': '#4daafc',
  'textLink-activeForeground': '#4daafc',
  'textCodeBlock-background': '#2b2b2b',
  'charts-blue': '#3794ff',
  'charts-red': '#f14c4c',
  'charts-yellow': '#cca700',
  'charts-orange': '#d18616',
  'charts-green': '#89d185',
  'charts-purple': '#b180d7',
  'testing-iconPassed': '#73c991',
  'terminal-foreground': '#cccccc',
  'debugTokenExpression-name': '#c586c0',
  'debugTokenExpression-string': '#ce9178',
  'debugTokenExpression-number': '#b5cea8',
  'debugTokenExpression-boolean': '#4e94ce',
  'keybindingTable-headerBackground': 'rgba(204, 204, 204, 0.04)',
  'keybindingTable-rowsBackground': 'rgba(204, 204, 204, 0.04)',
  'inputValidation-infoBackground': '#063b49',
  'inputValidation-errorBackground': '#5a1d1d',
  'inputValidation-errorBorder': '#be1100',
  'editor-findMatchHighlightBackground': 'rgba(234, 92, 0, 0.33)',
  'inputOption-activeBackground': 'rgba(36, 137, 219, 0.51)',
  'inputOption-activeBorder': '#2488db',
  'sash-hoverBorder': '#0078d4',
};

const light = {
  ...dark,
  ...ansi(
    '#000000 #cd3131 #107c10 #949800 #0451a5 #bc05bc #0598bc #555555 ' +
      '#666666 #cd3131 #14ce14 #b5ba00 #0451a5 #bc05bc #0598bc #a5a5a5',
  ),
  foreground: '#3b3b3b',
  descriptionForeground: '#3b3b3b',
  'panel-background': '#f8f8f8',
  'panel-border': '#e5e5e5',
  'widget-border': '#e5e5e5',
  'editor-background': '#ffffff',
  'editor-foreground': '#3b3b3b',
  focusBorder: '#005fb8',
  'button-background': '#005fb8',
  'button-hoverBackground': '#0258a8',
  'button-border': 'rgba(0, 0, 0, 0.1)',
  'button-secondaryBackground': '#e5e5e5',
  'button-secondaryForeground': '#3b3b3b',
  'button-secondaryHoverBackground': '#cccccc',
  'input-background': '#ffffff',
  'input-foreground': '#3b3b3b',
  'input-border': '#cecece',
  'input-placeholderForeground': '#767676',
  'dropdown-background': '#ffffff',
  'dropdown-foreground': '#3b3b3b',
  'dropdown-border': '#cecece',
  'settings-dropdownBackground': '#ffffff',
  'list-activeSelectionBackground': '#e8e8e8',
  'list-activeSelectionForeground': '#000000',
  'list-hoverBackground': '#f2f2f2',
  'toolbar-hoverBackground': 'rgba(184, 184, 184, 0.31)',
  'editorWarning-foreground': '#bf8803',
  'progressBar-background': '#005fb8',
  'textLink-foreground': '#005fb8',
  'textLink-activeForeground': '#005fb8',
  'textCodeBlock-background': '#f8f8f8',
  'charts-blue': '#1a85ff',
  'charts-red': '#e51400',
  'charts-yellow': '#bf8803',
  'charts-green': '#388a34',
  'charts-purple': '#652d90',
  'terminal-foreground': '#3b3b3b',
  'debugTokenExpression-name': '#9b46b0',
  'debugTokenExpression-string': '#a31515',
  'debugTokenExpression-number': '#098658',
  'debugTokenExpression-boolean': '#0000ff',
  'keybindingTable-headerBackground': 'rgba(59, 59, 59, 0.04)',
  'keybindingTable-rowsBackground': 'rgba(59, 59, 59, 0.04)',
  'inputValidation-infoBackground': '#d6ecf2',
  'inputValidation-errorBackground': '#f2dede',
  'inputOption-activeBackground': '#bed6ed',
  'inputOption-activeBorder': '#005fb8',
};

const highContrast: Record<string, string | null> = {
  ...dark,
  ...ansi(
    '#000000 #cd0000 #00cd00 #cdcd00 #0000ee #cd00cd #00cdcd #e5e5e5 ' +
      '#7f7f7f #ff0000 #00ff00 #ffff00 #5c5cff #ff00ff #00ffff #ffffff',
  ),
  foreground: '#ffffff',
  descriptionForeground: 'rgba(255, 255, 255, 0.7)',
  contrastBorder: '#6fc3df',
  contrastActiveBorder: '#f38518',
  'panel-background': '#000000',
  'panel-border': '#6fc3df',
  'widget-border': '#6fc3df',
  'editor-background': '#000000',
  'editor-foreground': '#ffffff',
  focusBorder: '#f38518',
  'button-background': null,
  'button-hoverBackground': null,
  'button-border': '#6fc3df',
  'button-secondaryBackground': null,
  'button-secondaryForeground': '#ffffff',
  'button-secondaryHoverBackground': null,
  'input-background': '#000000',
  'input-foreground': '#ffffff',
  'input-border': '#6fc3df',
  'input-placeholderForeground': 'rgba(255, 255, 255, 0.7)',
  'dropdown-background': '#000000',
  'dropdown-foreground': '#ffffff',
  'dropdown-border': '#6fc3df',
  'settings-dropdownBackground': '#000000',
  'list-activeSelectionBackground': null,
  'list-activeSelectionForeground': null,
  'list-hoverBackground': 'rgba(255, 255, 255, 0.1)',
  'toolbar-hoverBackground': null,
  errorForeground: '#f48771',
  'editorWarning-foreground': '#ffd370',
  'progressBar-background': '#6fc3df',
  'textLink-foreground': '#21a6ff',
  'charts-red': '#f48771',
  'charts-yellow': '#ffd370',
  'terminal-foreground': '#ffffff',
  'keybindingTable-headerBackground': null,
  'keybindingTable-rowsBackground': null,
  'inputValidation-infoBackground': '#000000',
  'inputValidation-errorBackground': '#000000',
  'inputValidation-errorBorder': '#6fc3df',
  'editor-findMatchHighlightBackground': null,
  'editor-findMatchHighlightBorder': '#f38518',
  'inputOption-activeBackground': 'rgba(0, 0, 0, 0)',
  'inputOption-activeBorder': '#6fc3df',
};

const themes: Record<ThemeName, Record<string, string | null>> = {
  dark,
  light,
  'high-contrast': highContrast,
};

/** A stylesheet that sets the theme's variables as VS Code does. */
export function themeCss(name: ThemeName): string {
  const lines = Object.entries(themes[name])
    .filter(([, value]) => value !== null)
    .map(([variable, value]) => `  --vscode-${variable}: ${value ?? ''};`);
  // Styles that VS Code puts into every page before the page's own.
  return `html {\n${lines.join('\n')}\n}\nbody { padding: 0 20px; background: transparent; }\n`;
}
