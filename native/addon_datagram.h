/* The calls from TypeScript to datagram sockets. */
#ifndef SF_ADDON_DATAGRAM_H
#define SF_ADDON_DATAGRAM_H

#include <node_api.h>
#include <stdbool.h>

/* Adds the calls to the exports. False when Node refuses. */
bool sf_addon_datagram(napi_env env, napi_value exports);

#endif
