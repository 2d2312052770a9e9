/* within.c: within SECONDS MEGABYTES COMMAND...: runs a command, fails if it took more processor time or memory.
 * Time is the processor's own, so a busy machine changes little; memory is the most that was resident. 0: no
 * limit. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    double most_seconds = atof(argv[1]), most_megabytes = atof(argv[2]);
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[3], argv + 3);
        perror(argv[3]);
        _exit(127);
    }
    int status;
    struct rusage use;
    if (child < 0 || wait4(child, &status, 0, &use) != child)
        return 2;
    double seconds = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                     1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
    double megabytes = (double)use.ru_maxrss / 1024;
    printf("%.2f s, %.1f MB\n", seconds, megabytes);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return fprintf(stderr, "the command failed\n"), 1;
    if (most_seconds > 0 && seconds > most_seconds)
        return fprintf(stderr, "over %g s\n", most_seconds), 1;
    if (most_megabytes > 0 && megabytes > most_megabytes)
        return fprintf(stderr, "over %g MB\n", most_megabytes), 1;
    return 0;
}
