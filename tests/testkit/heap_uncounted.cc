// Where operator new cannot be ours: nothing is counted, and nothing is ever seen to be left.
#include "tests/testkit/heap.h"

fairlead::testkit::Heap fairlead::testkit::heap() { return {}; }
