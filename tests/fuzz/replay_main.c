/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

/*
 * Runs a fuzz target without libFuzzer: every seed of the directories named, then mutations of each from a fixed random
 * sequence, so that a normal test run meets hostile input too and a failure repeats. SEED=N and ROUNDS=N in the
 * environment choose another sequence or a longer run.
 */

enum { MAX_SIZE = 1 << 20, DEFAULT_ROUNDS = 2000 };

static uint64_t random_state;

static size_t replay_directory(const char *path, unsigned long n_rounds);
static size_t read_file(const char *directory, const char *name, uint8_t **ret);
static void run_mutations(const uint8_t *seed, size_t size, unsigned long n_rounds);
static size_t mutate(uint8_t *data, size_t size);
static uint64_t next_random(void);
static unsigned long from_environment(const char *name, unsigned long value);

int main(int argc, char **argv)
{
	unsigned long seed = from_environment("SEED", 1);
	unsigned long n_rounds = from_environment("ROUNDS", DEFAULT_ROUNDS);
	size_t n = 0;

	random_state = seed;
	printf("SEED=%lu ROUNDS=%lu\n", seed, n_rounds);
	fflush(stdout);
	for (int i = 1; i < argc; i++)
		n += replay_directory(argv[i], n_rounds);
	printf("%zu seeds\n", n);
	return n > 0 ? 0 : 1;
}

static size_t replay_directory(const char *path, unsigned long n_rounds)
{
	struct dirent **entries;
	size_t n_seeds = 0;

	// Sorted: a failure repeats only when the seeds come in the same order.
	int n = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		uint8_t *data;
		size_t size =
		    entries[i]->d_name[0] == '.' ? 0 : read_file(path, entries[i]->d_name, &data);
		if (size > 0) {
			LLVMFuzzerTestOneInput(data, size);
			run_mutations(data, size, n_rounds);
			free(data);
			n_seeds++;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return n_seeds;
}

/* Returns the size; 0: nothing to run. */
static size_t read_file(const char *directory, const char *name, uint8_t **ret)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return 0;
	size_t size = 0;
	if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    st.st_size <= MAX_SIZE) {
		*ret = malloc((size_t)st.st_size);
		FUZZ_ASSERT(*ret != NULL);
		size = fread(*ret, 1, (size_t)st.st_size, f);
		if (size == 0)
			free(*ret);
	}
	fclose(f);
	return size;
}

/* Each mutation starts from the seed and gets an allocation of its exact size, for ASan to guard. */
static void run_mutations(const uint8_t *seed, size_t size, unsigned long n_rounds)
{
	uint8_t *work = malloc(size);

	FUZZ_ASSERT(work != NULL);
	for (unsigned long i = 0; i < n_rounds; i++) {
		size_t n_changes = 1 + next_random() % 4;
		size_t new_size = size;
		memcpy(work, seed, size);
		while (n_changes-- > 0)
			new_size = mutate(work, new_size);
		uint8_t *exact = malloc(new_size + (new_size == 0));
		FUZZ_ASSERT(exact != NULL);
		memcpy(exact, work, new_size);
		LLVMFuzzerTestOneInput(exact, new_size);
		free(exact);
	}
	free(work);
}

static size_t mutate(uint8_t *data, size_t size)
{
	static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};

	if (size == 0)
		return 0;
	size_t pos = next_random() % size;
	switch (next_random() % 5) {
	case 0: data[pos] ^= (uint8_t)(1U << next_random() % 8); break;
	case 1: data[pos] = (uint8_t)next_random(); break;
	case 2: data[pos] = edges[next_random() % sizeof(edges)]; break;
	case 3: return pos; // cut
	default:
		memset(data + pos, edges[next_random() % sizeof(edges)],
		    size - pos < 8 ? size - pos : 8);
		break;
	}
	return size;
}

/* SplitMix64: short, and any seed will do. */
static uint64_t next_random(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned long from_environment(const char *name, unsigned long value)
{
	const char *s = getenv(name);

	return s == NULL ? value : strtoul(s, NULL, 0);
}
