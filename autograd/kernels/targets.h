// Which instruction sets the kernels are compiled for; included before Highway. On x86: SSE4, AVX2, AVX-512. With
// EBB_ONE_TARGET the first alone, for builds under sanitizers, which take long.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#if defined(EBB_ONE_TARGET)
#define HWY_COMPILE_ONLY_STATIC
#endif
