/* The Node-API face of tls.h. */
#ifndef SF_ADDON_TLS_H
#define SF_ADDON_TLS_H

#include <node_api.h>
#include <stdbool.h>

/* Adds the functions whose names begin with tls. Returns false when Node refuses one. */
bool sf_addon_tls(napi_env env, napi_value exports);

#endif
