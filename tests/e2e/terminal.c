/* terminal.c COLUMNS ROWS COMMAND...: runs a command on a terminal of that size and plays a script from standard input:
 *
 *     enter TEXT     waits for a prompt ("> "), types it and the return key; \r \t \e \xNN and \\ are as in C
 *     begin TEXT     the same without the return key
 *     send TEXT      types it at once
 *     interrupt      Ctrl-C, at once
 *     expect TEXT    waits until the terminal has shown it, behind what was expected before
 *     leave STATUS   Ctrl-D at a prompt; waits for the command's end, which has that exit status
 *
 * Colours and cursor movements are left out of what is looked at. Nothing is slept for; what does not come within
 * TIMEOUT seconds is a failure, told with all that was shown. Ends "N passed, N failed" as tests do. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT = 60, SHOWN_MAX = 1 << 22 };

static char shown[SHOWN_MAX]; /* without escape sequences */
static size_t size, from;     /* of shown; where the next expectation begins */
static size_t typed;          /* how much was shown when a line was typed last */
static int terminal;
static int sequence; /* within an escape sequence: 1 behind ESC, 2 in a CSI, 3 behind ESC and a parenthesis */

static void take(char c)
{
    if (sequence == 1) {
        sequence = c == '[' ? 2 : c == '(' || c == ')' ? 3 : 0;
    } else if (sequence == 2) {
        sequence = c < '@' || c > '~' ? 2 : 0;
    } else if (sequence == 3) {
        sequence = 0;
    } else if (c == '\033') {
        sequence = 1;
    } else if (c != '\r' && size + 1 < SHOWN_MAX) {
        shown[size++] = c;
    }
}

/* Reads what there is, waiting for at most so many milliseconds. 0: the end. */
static int more(int milliseconds)
{
    char part[4096];
    struct pollfd in = {.fd = terminal, .events = POLLIN};
    if (poll(&in, 1, milliseconds) == 0)
        return 1;
    ssize_t n = read(terminal, part, sizeof part);
    for (ssize_t i = 0; i < n; i++)
        take(part[i]);
    return n > 0 || (n < 0 && errno == EINTR);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int expect(const char *text)
{
    size_t n = strlen(text);
    double end = now() + TIMEOUT;
    for (int open = 1;;) {
        for (size_t at = from; at + n <= size; at++) {
            if (memcmp(shown + at, text, n) == 0) {
                from = at + n;
                return 1;
            }
        }
        if (!open || now() > end)
            return 0;
        open = more(200);
    }
}

/* Undoes the escapes of a line of the script in place. */
static size_t plain(char *text)
{
    char *to = text;
    for (char *at = text; *at; at++) {
        if (*at != '\\') {
            *to++ = *at;
            continue;
        }
        at++;
        if (*at == 'x') {
            char digits[3] = {at[1], at[2], 0};
            *to++ = (char)strtol(digits, NULL, 16);
            at += 2;
        } else {
            *to++ = *at == 'r' ? '\r' : *at == 't' ? '\t' : *at == 'e' ? '\033' : *at;
        }
    }
    *to = 0;
    return (size_t)(to - text);
}

static int type(const char *text, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = write(terminal, text + done, n - done);
        if (k < 0 && errno != EINTR)
            return 0;
        done += k > 0 ? (size_t)k : 0;
        more(0);
    }
    return 1;
}

/* Waits for a new prompt behind what was typed last, and until the command reads single keys, as an editor of lines
 * does. */
static int prompted(void)
{
    struct termios mode;
    double end = now() + TIMEOUT;
    for (int open = 1; open && now() < end; open = more(10)) {
        int fresh = size >= 2 && memcmp(shown + size - 2, "> ", 2) == 0 && memchr(shown + typed, '\n', size - typed);
        if (fresh && tcgetattr(terminal, &mode) == 0 && !(mode.c_lflag & ICANON))
            break;
        if (!open)
            return 0;
    }
    int in_time = now() < end;
    typed = size;
    return in_time;
}

static int ends_with(pid_t child, int wanted)
{
    int status = 0;
    double end = now() + TIMEOUT;
    while (more(200) && now() < end)
        ;
    if (now() >= end)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status))
        printf("ended by signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == wanted;
}

int main(int argc, char **argv)
{
    char line[8192];
    int number = 0, passed = 0, failed = 0;
    if (argc < 4) {
        fprintf(stderr, "usage: terminal COLUMNS ROWS COMMAND...\n");
        return 2;
    }
    struct winsize window = {.ws_col = (unsigned short)atoi(argv[1]), .ws_row = (unsigned short)atoi(argv[2])};
    pid_t child = forkpty(&terminal, NULL, NULL, &window);
    if (child < 0) {
        perror("forkpty");
        return 2;
    }
    if (child == 0) {
        execvp(argv[3], argv + 3);
        perror(argv[3]);
        _exit(127);
    }
    while (!failed && fgets(line, sizeof line, stdin)) {
        int good = 1;
        number++;
        line[strcspn(line, "\n")] = 0;
        char *text = strchr(line, ' ');
        text = text ? text + 1 : line + strlen(line);
        if (strncmp(line, "enter ", 6) == 0)
            good = prompted() && type(text, plain(text)) && type("\r", 1);
        else if (strncmp(line, "begin ", 6) == 0)
            good = prompted() && type(text, plain(text));
        else if (strncmp(line, "send ", 5) == 0)
            good = type(text, plain(text));
        else if (strcmp(line, "interrupt") == 0)
            good = type("\003", 1);
        else if (strncmp(line, "expect ", 7) == 0)
            good = expect((plain(text), text));
        else if (strncmp(line, "leave ", 6) == 0)
            good = prompted() && type("\004", 1) && ends_with(child, atoi(text));
        else if (*line && *line != '#')
            good = 0;
        else
            continue;
        passed += good;
        failed += !good;
        if (!good)
            printf("FAIL line %d: %s\nshown so far:\n%.*s\n", number, line, (int)size, shown);
    }
    if (failed)
        kill(child, SIGKILL);
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
