/*
 * A stand-in for NVIDIA's libnvidia-ml.so.1, for tests and benches on machines without a card. It implements
 * the calls that Velar makes, over the values in the file `nvml.script` beside it, and checks how it is called:
 * handles, buffer sizes, struct versions, and that nothing comes before nvmlInit_v2 or after nvmlShutdown.
 *
 * Written after NVIDIA's NVML API reference (https://docs.nvidia.com/deploy/nvml-api/).
 *
 * Lines of the script: `driver TEXT`, `fail FUNCTION CODE [CARD]`, and for each card `card N` followed by lines
 * of its own: name, uuid, total, reserved, used, gpu, memory, temperature, power, limit, and
 * `compute PID BYTES`, `graphics PID BYTES`. A card without a value answers "not supported".
 *
 * Built with -DDRIVER=470 it is an older driver (no second memory call, second process call), with
 * -DDRIVER=390 a very old one, with -DDRIVER=535 one whose third process call fills a larger struct.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef DRIVER
#define DRIVER 550
#endif

enum {
    OK = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3,
    INSUFFICIENT_SIZE = 7, VERSION_MISMATCH = 25,
};

#define CARDS 16
#define PROCESSES 64
#define FAILURES 16

typedef unsigned long long bytes;
typedef struct { unsigned int pid; bytes used; } entry;

struct card {
    char name[96], uuid[96];
    long long total, reserved, used, gpu, memory, temperature, power, limit;
    int compute_count, graphics_count;
    entry compute[PROCESSES], graphics[PROCESSES];
};

static struct card cards[CARDS];
static int count, opened, failure_count;
static char driver[80];
static struct { char function[64]; int code, card; } failures[FAILURES];

static void blank(struct card *card)
{
    memset(card, 0, sizeof *card);
    card->total = card->reserved = card->used = card->gpu = card->memory = -1;
    card->temperature = card->power = card->limit = -1;
}

static void read_script(void)
{
    Dl_info self;
    char path[4096], line[512], word[64], rest[448];
    struct card *card = NULL;
    FILE *file;

    dladdr((void *)read_script, &self);
    snprintf(path, sizeof path, "%s", self.dli_fname);
    *strrchr(path, '/') = 0;
    strncat(path, "/nvml.script", sizeof path - strlen(path) - 1);
    file = fopen(path, "r");
    if (file == NULL) return;
    count = failure_count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        long long number;
        unsigned int pid;
        bytes held;
        rest[0] = 0;
        if (sscanf(line, "%63s %447[^\n]", word, rest) < 1) continue;
        number = atoll(rest);
        if (!strcmp(word, "driver")) snprintf(driver, sizeof driver, "%.79s", rest);
        else if (!strcmp(word, "fail") && failure_count < FAILURES) {
            failures[failure_count].card = -1;
            sscanf(rest, "%63s %d %d", failures[failure_count].function,
                   &failures[failure_count].code, &failures[failure_count].card);
            failure_count += 1;
        } else if (!strcmp(word, "card") && number < CARDS) {
            card = &cards[number];
            blank(card);
            if (number >= count) count = (int)number + 1;
        } else if (card == NULL) continue;
        else if (!strcmp(word, "name")) snprintf(card->name, sizeof card->name, "%.95s", rest);
        else if (!strcmp(word, "uuid")) snprintf(card->uuid, sizeof card->uuid, "%.95s", rest);
        else if (!strcmp(word, "total")) card->total = number;
        else if (!strcmp(word, "reserved")) card->reserved = number;
        else if (!strcmp(word, "used")) card->used = number;
        else if (!strcmp(word, "gpu")) card->gpu = number;
        else if (!strcmp(word, "memory")) card->memory = number;
        else if (!strcmp(word, "temperature")) card->temperature = number;
        else if (!strcmp(word, "power")) card->power = number;
        else if (!strcmp(word, "limit")) card->limit = number;
        else if (!strcmp(word, "compute") && card->compute_count < PROCESSES) {
            sscanf(rest, "%u %llu", &pid, &held);
            card->compute[card->compute_count++] = (entry){ pid, held };
        } else if (!strcmp(word, "graphics") && card->graphics_count < PROCESSES) {
            sscanf(rest, "%u %llu", &pid, &held);
            card->graphics[card->graphics_count++] = (entry){ pid, held };
        }
    }
    fclose(file);
}

/* What a call answers before it does anything; `card` is -1 for calls without one. */
static int guard(const char *function, struct card *card)
{
    int index = card == NULL ? -1 : (int)(card - cards);
    if (!opened) return UNINITIALIZED;
    if (card != NULL && (card < cards || card >= cards + count)) return INVALID_ARGUMENT;
    for (int i = 0; i < failure_count; i++) {
        if (strcmp(failures[i].function, function)) continue;
        if (failures[i].card == -1 || failures[i].card == index) return failures[i].code;
    }
    return OK;
}

static int text(const char *from, char *to, unsigned int length)
{
    if (to == NULL) return INVALID_ARGUMENT;
    if (strlen(from) + 1 > length) return INSUFFICIENT_SIZE;
    strcpy(to, from);
    return OK;
}

static int number(long long from, unsigned int *to)
{
    if (to == NULL) return INVALID_ARGUMENT;
    if (from < 0) return NOT_SUPPORTED;
    *to = (unsigned int)from;
    return OK;
}

#define GUARD(card) do { int code = guard(__func__, card); if (code != OK) return code; } while (0)

int nvmlInit_v2(void)
{
    read_script();
    for (int i = 0; i < failure_count; i++)
        if (!strcmp(failures[i].function, __func__)) return failures[i].code;
    opened = 1;
    return OK;
}

int nvmlShutdown(void) { if (!opened) return UNINITIALIZED; opened = 0; return OK; }

const char *nvmlErrorString(int code)
{
    switch (code) {
    case 9: return "Driver Not Loaded";
    case 15: return "GPU is lost";
    case 18: return "Driver/library version mismatch";
    default: return "Error of the stand-in";
    }
}

int nvmlSystemGetDriverVersion(char *to, unsigned int length) { GUARD(NULL); return text(driver, to, length); }

int nvmlDeviceGetCount_v2(unsigned int *to) { GUARD(NULL); return number(count, to); }

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, struct card **to)
{
    GUARD(NULL);
    if (to == NULL || index >= (unsigned int)count) return INVALID_ARGUMENT;
    *to = &cards[index];
    return OK;
}

int nvmlDeviceGetUUID(struct card *card, char *to, unsigned int length) { GUARD(card); return text(card->uuid, to, length); }

int nvmlDeviceGetName(struct card *card, char *to, unsigned int length) { GUARD(card); return text(card->name, to, length); }

struct memory_1 { bytes total, free, used; };
struct memory_2 { unsigned int version; bytes total, reserved, free, used; };
struct utilization { unsigned int gpu, memory; };

#if DRIVER >= 510
int nvmlDeviceGetMemoryInfo_v2(struct card *card, struct memory_2 *to)
{
    /* The first call of a sample: the script may have changed since the last. */
    if (card == cards) read_script();
    GUARD(card);
    if (to == NULL) return INVALID_ARGUMENT;
    if (to->version != (sizeof *to | 2u << 24)) return VERSION_MISMATCH;
    if (card->total < 0) return NOT_SUPPORTED;
    to->total = (bytes)card->total;
    to->reserved = card->reserved < 0 ? 0 : (bytes)card->reserved;
    to->used = (bytes)card->used;
    to->free = to->total - to->reserved - to->used;
    return OK;
}
#endif

int nvmlDeviceGetMemoryInfo(struct card *card, struct memory_1 *to)
{
    GUARD(card);
    if (to == NULL) return INVALID_ARGUMENT;
    if (card->total < 0) return NOT_SUPPORTED;
    to->total = (bytes)card->total;
    to->used = (bytes)card->used + (card->reserved < 0 ? 0 : (bytes)card->reserved);
    to->free = to->total - to->used;
    return OK;
}

int nvmlDeviceGetUtilizationRates(struct card *card, struct utilization *to)
{
    GUARD(card);
    if (to == NULL) return INVALID_ARGUMENT;
    if (card->gpu < 0) return NOT_SUPPORTED;
    to->gpu = (unsigned int)card->gpu;
    to->memory = card->memory < 0 ? 0 : (unsigned int)card->memory;
    return OK;
}

int nvmlDeviceGetTemperature(struct card *card, int sensor, unsigned int *to)
{
    GUARD(card);
    return sensor != 0 ? INVALID_ARGUMENT : number(card->temperature, to);
}

int nvmlDeviceGetPowerUsage(struct card *card, unsigned int *to) { GUARD(card); return number(card->power, to); }

int nvmlDeviceGetPowerManagementLimit(struct card *card, unsigned int *to) { GUARD(card); return number(card->limit, to); }

struct process_1 { unsigned int pid; bytes used; };
struct process_2 { unsigned int pid; bytes used; unsigned int gpu_instance, compute_instance; };
struct process_535 { unsigned int pid; bytes used; unsigned int gpu_instance, compute_instance; bytes guarded; };

#define PROCESS_LIST(name, layout, list)                                          \
    int name(struct card *card, unsigned int *room, struct layout *to)            \
    {                                                                             \
        GUARD(card);                                                              \
        if (room == NULL) return INVALID_ARGUMENT;                                \
        unsigned int given = *room;                                               \
        *room = (unsigned int)card->list##_count;                                 \
        if (given < *room) return INSUFFICIENT_SIZE;                              \
        if (to == NULL) return *room == 0 ? OK : INVALID_ARGUMENT;                \
        memset(to, 0xee, given * sizeof *to);                                     \
        for (unsigned int i = 0; i < *room; i++) {                                \
            to[i].pid = card->list[i].pid;                                        \
            to[i].used = card->list[i].used;                                      \
        }                                                                         \
        return OK;                                                                \
    }

#if DRIVER == 535
PROCESS_LIST(nvmlDeviceGetComputeRunningProcesses_v3, process_535, compute)
PROCESS_LIST(nvmlDeviceGetGraphicsRunningProcesses_v3, process_535, graphics)
int nvmlDeviceGetConfComputeMemSizeInfo(void) { return NOT_SUPPORTED; }
#elif DRIVER >= 510
PROCESS_LIST(nvmlDeviceGetComputeRunningProcesses_v3, process_2, compute)
PROCESS_LIST(nvmlDeviceGetGraphicsRunningProcesses_v3, process_2, graphics)
int nvmlDeviceGetConfComputeMemSizeInfo(void) { return NOT_SUPPORTED; }
int nvmlDeviceGetRunningProcessDetailList(void) { return NOT_SUPPORTED; }
#endif
#if DRIVER >= 450
PROCESS_LIST(nvmlDeviceGetComputeRunningProcesses_v2, process_2, compute)
PROCESS_LIST(nvmlDeviceGetGraphicsRunningProcesses_v2, process_2, graphics)
#endif
PROCESS_LIST(nvmlDeviceGetComputeRunningProcesses, process_1, compute)
PROCESS_LIST(nvmlDeviceGetGraphicsRunningProcesses, process_1, graphics)
