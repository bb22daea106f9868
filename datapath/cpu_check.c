/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binary is built for x86-64-v3. On less it would die of an illegal instruction anywhere: this constructor runs before
 * any of our code, is itself built for the baseline, and says what is wrong.
 */
#include <stdlib.h>
#include <unistd.h>

enum { FIRST = 101 }; // of the priorities that programs may use

__attribute__((constructor(FIRST), target("arch=x86-64"))) static void check_cpu(void)
{
#ifdef __AVX2__
	static const char what[] =
	    "error: this CPU is older than x86-64-v3 (it has no AVX2, BMI2 or FMA)\n"
	    "hint: build for it with meson configure -Dcpu=native, or -Dcpu=x86-64-v2\n";
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	    __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma"))
		return;
	(void)!write(STDERR_FILENO, what, sizeof(what) - 1);
	_exit(1);
#endif
}
