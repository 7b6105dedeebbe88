export { type ApiClient, type ApiStatus, type ConnectApiOptions, connectApi } from './client.ts';
export { API_MESSAGE_BYTES_MAX, API_STREAMS_MAX } from './limits.ts';
export { type ApiServer, type ServeApiOptions, serveApi } from './server.ts';
export { API_VERSION, type Drain } from './service.ts';
