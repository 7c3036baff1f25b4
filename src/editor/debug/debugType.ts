/** The debug type of package.json. */
export const DEBUG_TYPE = 'velar';
