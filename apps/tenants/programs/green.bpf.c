// SPDX-License-Identifier: MIT
//
// Routes all requests to origin 2, and counts them in a map that it shares with the version before it.
#define ROUTE 2
#include "release.h"
