// SPDX-License-Identifier: MIT
//
// Routes all requests to origin 1, and counts them in a map that it shares with the version before it.
#define ROUTE 1
#include "release.h"
