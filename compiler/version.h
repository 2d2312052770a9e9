/* version.h: the one place of the version. */
#ifndef MLPC_VERSION_H
#define MLPC_VERSION_H

#define MLPC_VERSION "0.1.0"

#endif
