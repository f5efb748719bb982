/* The Node-API face of listener.h and handoff_acceptor.h. Acceptors end with the environment that started them. */
#ifndef SF_ADDON_LISTEN_H
#define SF_ADDON_LISTEN_H

#include <node_api.h>
#include <stdbool.h>

/* Adds the functions whose names begin with listener, and acceptorStart. Returns false when Node refuses one. */
bool sf_addon_listen(napi_env env, napi_value exports);

#endif
