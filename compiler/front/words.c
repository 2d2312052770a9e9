/* words.c: names that the generated C can carry, and guesses at what a mistyped word was meant to be. */
#include "front/words.h"

#include <ctype.h>
#include <string.h>

/* C99 to C23, and what compilers reserve besides. */
static const char c_words[] =
    " alignas alignof asm auto bool break case char const constexpr continue default do double else enum extern false "
    "float for goto if inline int long nullptr register restrict return short signed sizeof static static_assert "
    "struct switch thread_local true typedef typeof typeof_unqual union unsigned void volatile while ";

/* C++11 to C++23, those that C does not have. */
static const char cpp_words[] =
    " catch char16_t char32_t char8_t class co_await co_return co_yield concept const_cast consteval constinit "
    "decltype "
    "delete dynamic_cast explicit export friend mutable namespace new noexcept operator private protected public "
    "reinterpret_cast requires static_cast template this throw try typeid typename using virtual wchar_t ";

static const char cpp_operators[] = " and and_eq bitand bitor compl not not_eq or or_eq xor xor_eq ";

/* Macros that some compilers define without asking. */
static const char macro_words[] = " linux unix i386 ";

/* Types of <stddef.h> and <stdint.h>, which the generated files include. */
static const char type_words[] =
    " size_t ptrdiff_t max_align_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t intptr_t "
    "uintptr_t "
    "intmax_t uintmax_t int_fast8_t int_fast16_t int_fast32_t int_fast64_t uint_fast8_t uint_fast16_t uint_fast32_t "
    "uint_fast64_t int_least8_t int_least16_t int_least32_t int_least64_t uint_least8_t uint_least16_t uint_least32_t "
    "uint_least64_t NULL ";

/* Functions of the C library with external names: a second one does not link, and compilers complain earlier. The
 * functions of <math.h> and <complex.h> also exist with f and l behind. */
static const char math_words[] =
    " abs acos acosh asin asinh atan atan2 atanh cabs cacos cacosh carg casin casinh catan catanh cbrt ccos ccosh ceil "
    "cexp cimag clog conj copysign cos cosh cpow cproj creal csin csinh csqrt ctan ctanh drem erf erfc exp exp10 exp2 "
    "expm1 fabs fdim finite floor fma fmax fmin fmod frexp gamma hypot ilogb j0 j1 jn ldexp lgamma llrint llround log "
    "log10 log1p log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow pow10 remainder remquo rint round "
    "scalb scalbln scalbn signbit significand sin sincos sinh sqrt tan tanh tgamma trunc y0 y1 yn ";
static const char library_words[] =
    " main abort aligned_alloc alloca asctime atexit atof atoi atol atoll bcmp bcopy bsearch bzero calloc clearerr "
    "clock "
    "close ctime dcgettext dgettext difftime div dprintf environ errno execl execle execlp execv execve execvp exit "
    "fclose feof ferror ffs ffsl ffsll fflush fgetc fgetpos fgets fopen fork fprintf fputc fputs fread free freopen "
    "fscanf fseek fsetpos ftell fwrite getc getchar getenv gets gettext gmtime index isalnum isalpha isascii isblank "
    "iscntrl isdigit isgraph isinf islower isnan isprint ispunct isspace isupper iswalnum iswalpha iswblank iswcntrl "
    "iswdigit iswgraph iswlower iswprint iswpunct iswspace iswupper iswxdigit isxdigit labs ldiv link listen llabs "
    "lldiv localeconv localtime longjmp malloc mblen mbstowcs mbtowc memchr memcmp memcpy memmove mempcpy memset "
    "mktime open perror pipe printf putc putchar puts qsort raise rand read realloc remove rename rewind rindex scanf "
    "select setbuf setjmp setlocale setvbuf signal sleep snprintf socket sprintf srand sscanf stat stdin stdout stderr "
    "stpcpy stpncpy strcasecmp strcat strchr strcmp strcoll strcpy strcspn strdup strerror strfmon strftime strlen "
    "strncasecmp strncat strncmp strncpy strndup strpbrk strrchr strspn strstr strtod strtof strtok strtol strtold "
    "strtoll strtoul strtoull strxfrm system time tmpfile tmpnam toascii tolower toupper towlower towupper ungetc "
    "unlink va_arg va_copy va_end va_start vfprintf vfscanf vprintf vscanf vsnprintf vsprintf vsscanf wait wcstombs "
    "wctomb write ";

/* What else <stdlib.h> and <sys/types.h> declare: in C++ the headers of vector code include them. */
static const char system_words[] =
    " a64l arc4random arc4random_buf arc4random_uniform blkcnt64_t blkcnt_t blksize_t caddr_t canonicalize_file_name "
    "clearenv clock_t clockid_t comparison_fn_t daddr_t dev_t div_t drand48 drand48_r ecvt ecvt_r erand48 erand48_r "
    "fcvt fcvt_r fd_mask fd_set fsblkcnt64_t fsblkcnt_t fsfilcnt64_t fsfilcnt_t fsid_t gcvt getloadavg getpt "
    "getsubopt gid_t grantpt id_t initstate initstate_r ino64_t ino_t jrand48 jrand48_r key_t l64a lcong48 "
    "lcong48_r ldiv_t lldiv_t locale_t loff_t lrand48 lrand48_r mkdtemp mkostemp mkostemp64 mkostemps mkostemps64 "
    "mkstemp mkstemp64 mkstemps mkstemps64 mktemp mode_t mrand48 mrand48_r nlink_t nrand48 nrand48_r nullptr_t "
    "off64_t off_t on_exit pid_t posix_memalign posix_openpt pselect pthread_attr_t pthread_barrier_t "
    "pthread_barrierattr_t pthread_cond_t pthread_condattr_t pthread_key_t pthread_mutex_t pthread_mutexattr_t "
    "pthread_once_t pthread_rwlock_t pthread_rwlockattr_t pthread_spinlock_t pthread_t ptsname ptsname_r putenv "
    "qecvt qecvt_r qfcvt qfcvt_r qgcvt qsort_r quad_t quick_exit rand_r random random_r reallocarray realpath "
    "register_t rpmatch secure_getenv seed48 seed48_r setenv setstate setstate_r sigset_t srand48 srand48_r srandom "
    "srandom_r ssize_t std strfromd strfromf strfromf128 strfromf32 strfromf32x strfromf64 strfromf64x strfroml "
    "strtod_l strtof128 strtof128_l strtof32 strtof32_l strtof32x strtof32x_l strtof64 strtof64_l strtof64x "
    "strtof64x_l strtof_l strtol_l strtold_l strtoll_l strtoq strtoul_l strtoull_l strtouq suseconds_t time_t "
    "timer_t u_char u_int u_int16_t u_int32_t u_int64_t u_int8_t u_long u_quad_t u_short uid_t uint ulong unlockpt "
    "unsetenv useconds_t ushort valloc ";

/* What the generated functions call their other arguments and their variables, besides h0, h1, ... */
static const char argument_words[] = " n m p i w t g scratch loss done share ";

static bool listed(const char *list, const char *s)
{
    size_t n = strlen(s);
    for (const char *at = list; (at = strstr(at, s)); at++)
        if (at[-1] == ' ' && at[n] == ' ')
            return true;
    return false;
}

static bool in_library(const char *s)
{
    size_t n = strlen(s);
    if (listed(math_words, s) || listed(library_words, s) || listed(system_words, s))
        return true;
    char stem[WORD_MAX + 1];
    if (n < 2 || n > WORD_MAX || (s[n - 1] != 'f' && s[n - 1] != 'l'))
        return false;
    memcpy(stem, s, n - 1);
    stem[n - 1] = '\0';
    return listed(math_words, stem);
}

bool word_cpp_operator(const char *s) { return *s && listed(cpp_operators, s); }

const char *word_problem(Arena *a, const char *s, size_t n, WordUse use)
{
    if (n == 0)
        return "is empty";
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(c >= '0' && c <= '9' && i > 0))
            return "is not a C identifier: letters, digits and _, a letter first";
    }
    if (n > WORD_MAX)
        return arena_printf(a, "has %zu characters, the limit is %d", n, WORD_MAX);
    if (use == WORD_PARAM)
        return NULL;
    if (s[0] == '_')
        return "begins with an underscore: C keeps such names for itself";
    if (listed(c_words, s))
        return "is a keyword of C";
    if (listed(cpp_words, s))
        return "is a keyword of C++";
    if (listed(macro_words, s))
        return "is a macro of some C compilers";
    if (use == WORD_NET && (listed(type_words, s) || in_library(s)))
        return strcmp(s, "main") == 0 ? "is the function where C programs begin" : "is a name of the C library";
    if (use == WORD_VALUE && listed(type_words, s))
        return "is a name of the C library";
    if (use == WORD_VALUE && listed(cpp_operators, s))
        return "is an operator of C++";
    if (use == WORD_VALUE &&
        (listed(argument_words, s) || (s[0] == 'h' && n > 1 && strspn(s + 1, "0123456789") == n - 1)))
        return "is taken: the generated functions use it themselves";
    return NULL;
}

const char *word_instead(Arena *a, const char *s, size_t n, WordUse use)
{
    static const char *const ending[] = {
        [WORD_NET] = "_net", [WORD_VALUE] = "_value", [WORD_LAYER] = "_layer", [WORD_PARAM] = "_param"};
    char word[WORD_MAX + 1];
    size_t size = 0;
    for (size_t i = 0; i < n && size < WORD_MAX; i++) {
        bool letter = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z');
        if (letter || (size > 0 && s[i] >= '0' && s[i] <= '9'))
            word[size++] = s[i];
        else if (size > 0 && word[size - 1] != '_')
            word[size++] = '_';
    }
    while (size > 0 && word[size - 1] == '_')
        size--;
    word[size] = '\0';
    const char *better = arena_printf(a, "%s%s", word, word_problem(a, word, size, use) ? ending[use] : "");
    return size > 0 && !word_problem(a, better, strlen(better), use) ? arena_printf(a, "; '%s' would do", better) : "";
}

static char lower(char c) { return (char)tolower((unsigned char)c); }

/* Edits (insert, delete, replace, swap of neighbours) that turn a into b, case aside; both at most WORD_MAX long. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t row[3][WORD_MAX + 2];
    size_t *before = row[0], *last = row[1], *now = row[2];
    for (size_t j = 0; j <= nb; j++)
        last[j] = j;
    for (size_t i = 1; i <= na; i++) {
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);
            size_t best = last[j - 1] + !same;
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                best = before[j - 2] + 1 < best ? before[j - 2] + 1 : best;
            now[j] = best;
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[nb];
}

const char *word_near(const char *word, const char *const *list, size_t n)
{
    size_t length = strlen(word);
    if (length == 0 || length > WORD_MAX)
        return NULL;
    size_t most = length <= 2 ? 1 : length <= 5 ? 2 : 3; /* edits that still look like a slip */
    const char *best = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t other = list[i] ? strlen(list[i]) : 0;
        if (other == 0 || other > WORD_MAX)
            continue;
        size_t d = distance(word, length, list[i], other);
        size_t longer = length > other ? length : other;
        if (d > most || 2 * d > longer)
            continue;
        best = list[i];
        if (d == 0)
            break;
        most = d - 1;
    }
    return best;
}

const char *word_shown(Arena *a, const char *s, size_t n, size_t most)
{
    bool cut = n > most;
    if (cut)
        for (n = most; n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80; n--) /* not inside a UTF-8 character */
            ;
    char *out = arena_alloc(a, n + 4);
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)s[i] < 0x20 || s[i] == 0x7f ? '?' : s[i];
    memcpy(out + n, cut ? "..." : "", cut ? 4 : 1);
    return out;
}
