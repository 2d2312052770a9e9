/* main.c: the command line: verbs and options, nothing else. */
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error to report, not a silent death */
    signal(SIGXFSZ, SIG_IGN); /* as is a file that may not grow further */
    return cli_run(argc, argv);
}
