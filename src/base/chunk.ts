// The unit of memory that bytes of connections are received into and sent from.

/** Bytes of one chunk of the slab. A message head that outgrows one is put into a run of neighbouring chunks. */
export const CHUNK_BYTES = 16384;
