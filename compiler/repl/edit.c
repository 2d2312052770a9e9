/* edit.c: lines from a person by libedit, from a file or a pipe by getline. The only file that knows libedit. */
#include "repl/edit.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "base/diag.h"
#include "base/text.h"
#include "repl/history.h"

struct Editor {
    bool terminal;
    EditComplete *complete;
    EditIdle *idle;
    bool restless; /* idle wants to be asked again soon */
    void *context;
    const volatile sig_atomic_t *interrupted;
    const char *prompt;
    EditLine *el;
    History *history;
    char *path; /* of the history's file, or NULL */
    mbstate_t shift;
    char *line; /* of getline */
    size_t room;
    Text text; /* the line that is handed out */
};

static volatile sig_atomic_t resized;

static void on_resize(int number)
{
    (void)number;
    resized = 1;
}

/* ---- libedit's questions ---------------------------------------------------------------------------------------- */

static Editor *editor_of(EditLine *el)
{
    void *e = NULL;
    el_get(el, EL_CLIENTDATA, &e);
    return e;
}

static char *prompt_text(EditLine *el)
{
    static char buffer[32];
    snprintf(buffer, sizeof buffer, "%s", editor_of(el)->prompt);
    return buffer;
}

/* What there is to tell, above the line that is being typed. */
static void tell_news(Editor *e)
{
    Text news = {0};
    e->restless = e->idle(e->context, &news);
    if (news.size) {
        printf("\r\033[K%s", news.data);
        fflush(stdout);
        el_set(e->el, EL_REFRESH);
    }
    text_free(&news);
}

/* Waits for a byte. false: Ctrl-C came, or nothing ever will. Signals are let in only while it waits: none comes
 * between a look at the flags and the wait. */
static bool wait_byte(Editor *e, unsigned char *byte)
{
    sigset_t closed, open;
    sigemptyset(&closed);
    sigaddset(&closed, SIGINT);
    sigaddset(&closed, SIGWINCH);
    sigprocmask(SIG_BLOCK, &closed, &open);
    bool got = false;
    while (!got && !*e->interrupted) {
        struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
        if (resized) {
            resized = 0;
            el_resize(e->el);
            el_set(e->el, EL_REFRESH);
        }
        const struct timespec soon = {.tv_nsec = 100000000};
        int ready = ppoll(&in, 1, e->restless ? &soon : NULL, &open);
        if (ready < 0 && errno != EINTR)
            break;
        if (ready == 0)
            tell_news(e);
        ssize_t n = ready > 0 ? read(STDIN_FILENO, byte, 1) : -1;
        if (n == 0 || (ready > 0 && n < 0 && errno != EINTR && errno != EAGAIN))
            break;
        got = n == 1;
    }
    sigprocmask(SIG_SETMASK, &open, NULL);
    return got;
}

/* One character, of as many bytes as it has. 1, or 0 at the end. */
static int read_char(EditLine *el, wchar_t *c)
{
    Editor *e = editor_of(el);
    unsigned char byte;
    while (wait_byte(e, &byte)) {
        char one = (char)byte;
        size_t n = mbrtowc(c, &one, 1, &e->shift);
        if (n == 1 || n == 0)
            return 1;
        if (n == (size_t)-1) { /* no character of this locale */
            memset(&e->shift, 0, sizeof e->shift);
            *c = L'?';
            return 1;
        }
    }
    return 0;
}

/* ---- completion ------------------------------------------------------------------------------------------------- */

static size_t common(const char *const *word)
{
    size_t n = strlen(word[0]);
    for (size_t i = 1; word[i]; i++)
        for (size_t k = 0; k < n; k++)
            if (word[i][k] != word[0][k])
                n = k;
    return n;
}

/* In columns, downwards, as wide as the terminal. */
static void list(EditLine *el, const char *const *word)
{
    int columns = 80;
    size_t count = 0, width = 0;
    el_get(el, EL_GETTC, "co", &columns, NULL);
    for (; word[count]; count++)
        width = strlen(word[count]) > width ? strlen(word[count]) : width;
    size_t across = (size_t)columns / (width + 2), rows = (count + (across ? across : 1) - 1) / (across ? across : 1);
    putchar('\n');
    for (size_t r = 0; r < rows; r++, putchar('\n'))
        for (size_t i = r; i < count; i += rows)
            printf(i + rows < count ? "%-*s" : "%.0d%s", i + rows < count ? (int)width + 2 : 0, word[i]);
    fflush(stdout);
}

static unsigned char complete(EditLine *el, int key)
{
    const Editor *e = editor_of(el);
    const LineInfo *info = el_line(el);
    size_t at = (size_t)(info->cursor - info->buffer), from = at;
    (void)key;
    bool blank = true;
    for (size_t i = 0; i < at; i++)
        blank = blank && info->buffer[i] == ' ';
    if (blank)
        return el_insertstr(el, "    ") ? CC_ERROR : CC_REFRESH;
    const char *const *word = e->complete(e->context, info->buffer, at, &from);
    if (!word || !word[0])
        return CC_REFRESH_BEEP;
    size_t n = common(word), typed = at - from;
    if (n > typed) {
        Text t = {0};
        text_add_n(&t, word[0] + typed, n - typed);
        int failed = el_insertstr(el, t.data);
        text_free(&t);
        return failed ? CC_ERROR : CC_REFRESH;
    }
    if (!word[1])
        return CC_REFRESH;
    list(el, word);
    return CC_REDISPLAY;
}

/* ---- history ---------------------------------------------------------------------------------------------------- */

static void put_history(void *editor, const char *line)
{
    const Editor *e = editor;
    HistEvent event;
    history(e->history, &event, H_ENTER, line);
}

static void no_history(const char *why)
{
    fprintf(stderr, "mlpc: note: this session's history is not kept: %s\n", why);
}

static void begin_history(Editor *e)
{
    HistEvent event;
    char *why;
    e->history = history_init();
    if (!e->history)
        die("out of memory");
    history(e->history, &event, H_SETSIZE, HISTORY_MAX);
    history(e->history, &event, H_SETUNIQUE, 1);
    el_set(e->el, EL_HIST, history, e->history);
    e->path = history_path(&why);
    if (e->path && !history_read(e->path, put_history, e))
        no_history(strerror(errno));
    if (why)
        no_history(why);
    free(why);
}

void edit_remember(Editor *e, const char *line)
{
    if (!e->terminal || !line[strspn(line, " \t")])
        return;
    put_history(e, line);
    if (!e->path || history_add(e->path, line))
        return;
    no_history(strerror(errno));
    free(e->path);
    e->path = NULL;
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

static void begin_terminal(Editor *e)
{
    setlocale(LC_CTYPE, "");
    e->el = el_init("mlpc", stdin, stdout, stderr);
    if (!e->el)
        die("this terminal cannot be edited on");
    el_set(e->el, EL_CLIENTDATA, e);
    el_set(e->el, EL_EDITOR, "emacs");
    el_set(e->el, EL_PROMPT, prompt_text);
    el_set(e->el, EL_GETCFN, read_char);
    el_set(e->el, EL_ADDFN, "mlpc-complete", "completes names, methods and fields", complete);
    el_set(e->el, EL_BIND, "^I", "mlpc-complete", NULL);
    el_set(e->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(e->el, NULL); /* ~/.editrc, as in every program of libedit */
    begin_history(e);
    struct sigaction act = {.sa_handler = on_resize};
    sigemptyset(&act.sa_mask);
    sigaction(SIGWINCH, &act, NULL);
}

Editor *edit_begin(EditComplete *complete_word, EditIdle *idle, void *context, const volatile sig_atomic_t *interrupted)
{
    Editor *e = calloc(1, sizeof *e);
    if (!e)
        die("out of memory");
    *e =
        (Editor){.complete = complete_word, .idle = idle, .context = context, .interrupted = interrupted, .prompt = ""};
    e->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (e->terminal)
        begin_terminal(e);
    return e;
}

bool edit_is_terminal(const Editor *e) { return e->terminal; }

static EditResult from_terminal(Editor *e, const char *prompt)
{
    int n = 0;
    Text news = {0};
    e->restless = e->idle(e->context, &news);
    fputs(news.data ? news.data : "", stdout);
    text_free(&news);
    e->prompt = prompt;
    memset(&e->shift, 0, sizeof e->shift);
    fflush(stdout);
    const char *typed = el_gets(e->el, &n);
    if (*e->interrupted) {
        puts("^C");
        return EDIT_INTERRUPT;
    }
    if (!typed || n <= 0)
        return EDIT_END;
    text_add_n(&e->text, typed, (size_t)n);
    return EDIT_LINE;
}

EditResult edit_line(Editor *e, const char *prompt, const char **line, size_t *size)
{
    text_free(&e->text);
    EditResult result = EDIT_LINE;
    if (e->terminal) {
        result = from_terminal(e, prompt);
    } else {
        ssize_t n = getline(&e->line, &e->room, stdin);
        if (*e->interrupted)
            return EDIT_INTERRUPT;
        if (n < 0)
            return EDIT_END;
        text_add_n(&e->text, e->line, (size_t)n);
    }
    if (e->text.size && e->text.data[e->text.size - 1] == '\n')
        e->text.data[--e->text.size] = 0;
    *line = e->text.data;
    *size = e->text.size;
    return result;
}

void edit_end(Editor *e)
{
    if (e->terminal) {
        history_end(e->history);
        el_end(e->el);
    }
    text_free(&e->text);
    free(e->path);
    free(e->line);
    free(e);
}
