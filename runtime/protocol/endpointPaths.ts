/** Where endpoints are on a runtime. */

/** Path of endpoints on a runtime: `/v1/endpoints/<environment>/<app>/<function>`. */
export const ENDPOINT_PATH = '/v1/endpoints/';

/** In place of a function's name: the app's OpenAPI document. */
export const OPENAPI_NAME = 'openapi.json';
