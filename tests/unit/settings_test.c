/* settings_test.c: the command line wins over a checkpoint, that over the script, that over the defaults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "train/settings.h"

static Arena *arena;

static TrainOpts nothing_said(void)
{
    TrainOpts o;
    double *number = &o.lr;
    memset(&o, 0, sizeof o);
    for (; number <= &o.threads; number++)
        *number = nan("");
    return o;
}

/* Settings that must be fine. */
static Settings read_all(const TrainArgs *args, const char *saved, const TrainOpts *o)
{
    Settings s;
    bool in_script;
    const char *problem = settings_read(&s, args, saved, o, arena, &in_script);
    if (problem)
        fail_msg("%s", problem);
    return s;
}

static void refused(TrainArgs args, const char *saved, const TrainOpts *o, const char *expected)
{
    Settings s;
    bool in_script;
    const char *problem = settings_read(&s, &args, saved, o, arena, &in_script);
    assert_non_null(problem);
    assert_string_equal(problem, expected);
    assert_int_equal(in_script, args.lr == NULL && args.epochs == NULL && args.seed == NULL && args.split == NULL &&
                                    args.scale == NULL && args.optimizer == NULL && args.clip == NULL);
}

static void defaults(void **state)
{
    (void)state;
    TrainOpts o = nothing_said();
    TrainArgs args = {0};
    Settings s = read_all(&args, NULL, &o);
    assert_int_equal(s.optimizer.method, MLP_ADAM);
    assert_true(s.optimizer.lr == 0.001 && s.optimizer.beta2 == 0.999 && s.optimizer.weight_decay == 0);
    assert_true(s.batch == 32 && s.epochs == 0 && s.seed == 1 && s.threads == 1 && s.patience == 0 && s.every == 1);
    assert_true(s.split == 0 && s.clip == 0 && s.scale == MLP_SCALE_NONE && s.schedule.curve == MLP_CONSTANT);
    assert_int_equal(settings_epochs(&s, 60000), 10);
    assert_int_equal(settings_epochs(&s, 150), 400);  /* 5 steps an epoch */
    assert_int_equal(settings_epochs(&s, 4), 2000);
    assert_int_equal(settings_epochs(&s, 6400), 10); /* exactly 2000 */
    assert_int_equal(settings_epochs(&s, 6368), 11);
}

static void who_wins(void **state)
{
    (void)state;
    TrainOpts o = nothing_said();
    o.optimizer = "sgd";
    o.lr = 0.5;
    o.epochs = 7;
    o.momentum = 0.8;
    o.schedule = "cosine";
    TrainArgs args = {.epochs = "9", .clip = "1e2"};
    Settings s = read_all(&args, NULL, &o);
    assert_int_equal(s.optimizer.method, MLP_MOMENTUM); /* sgd with momentum is that */
    assert_true(s.optimizer.lr == 0.5 && s.optimizer.momentum == 0.8 && s.epochs == 9 && s.clip == 100);
    assert_int_equal(s.schedule.curve, MLP_COSINE);
    mlp_optimizer generated = settings_optimizer(&o);
    assert_memory_equal(&generated, &s.optimizer, sizeof generated);
    const char *saved = settings_save(&s, arena);
    o = nothing_said(); /* the script has changed since */
    o.lr = 9;
    o.clip = 5;
    TrainArgs again = {.lr = "0.25"};
    Settings t = read_all(&again, saved, &o);
    assert_int_equal(t.optimizer.method, MLP_MOMENTUM);
    assert_true(t.optimizer.lr == 0.25 && t.epochs == 9 && t.clip == 100 && t.schedule.curve == MLP_COSINE);
}

static void saved_to_the_last_bit(void **state)
{
    (void)state;
    static const char *const names[] = {"sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"};
    for (size_t i = 0; i < 6; i++) {
        TrainOpts o = nothing_said();
        o.optimizer = names[i];
        o.lr = 1.0 / 3;
        o.momentum = 0.1 + 0.2;
        o.beta1 = 1.0 / 7;
        o.beta2 = 2.0 / 3;
        o.eps = 1e-7 / 3;
        o.weight_decay = 1e-3 / 7;
        o.warmup = 1.1;
        o.schedule = "step";
        o.decay = 3.3;
        o.batch = 17;
        o.seed = 9007199254740991.0;
        o.threads = 3;
        o.patience = 4;
        TrainArgs args = {.split = "0.7", .scale = "minmax", .every = "5", .clip = "0.3", .epochs = "12"}, none = {0};
        Settings s = read_all(&args, NULL, &o), t = read_all(&none, settings_save(&s, arena), &o);
        assert_string_equal(settings_save(&s, arena), settings_save(&t, arena));
        assert_true(s.optimizer.lr == t.optimizer.lr && (i < 3 || s.optimizer.eps == t.optimizer.eps) && s.seed == t.seed);
        assert_true(s.split == t.split && s.clip == t.clip && s.scale == t.scale && s.schedule.decay == t.schedule.decay);
        assert_true(s.optimizer.beta1 == t.optimizer.beta1 || i < 4);
        assert_true(s.optimizer.beta2 == t.optimizer.beta2 || i < 4);
        assert_true(s.optimizer.alpha == t.optimizer.alpha && (i != 3 || s.optimizer.alpha == 2.0 / 3));
        assert_true(s.optimizer.method == t.optimizer.method && s.optimizer.weight_decay == t.optimizer.weight_decay);
    }
}

static void mistakes(void **state)
{
    (void)state;
    TrainOpts o = nothing_said();
    refused((TrainArgs){.lr = "fast"}, NULL, &o, "--lr wants a number above 0, not 'fast'");
    refused((TrainArgs){.lr = "1e30"}, NULL, &o, "--lr wants a number of at most 1e+06, not '1e30'");
    refused((TrainArgs){.lr = "inf"}, NULL, &o, "--lr wants a number above 0, not 'inf'");
    refused((TrainArgs){.lr = "0x1p3"}, NULL, &o, "--lr wants a number above 0, not '0x1p3'");
    refused((TrainArgs){.epochs = "1e10"}, NULL, &o, "--epochs wants a whole number of at most 1e+09, not '1e10'");
    refused((TrainArgs){.split = "1"}, NULL, &o, "--split wants a number between 0 and 1, not '1'");
    refused((TrainArgs){.scale = "huge"}, NULL, &o, "--scale: unknown scaling 'huge': none, standard, minmax or 1/255");
    o.beta1 = 1;
    refused((TrainArgs){0}, NULL, &o, "beta1 of the optimizer must be at least 0 and below 1, not 1");
    o = nothing_said();
    o.threads = 1000;
    refused((TrainArgs){0}, NULL, &o, "threads must be a whole number from 1 to 256, not 1000");
    o = nothing_said();
    refused((TrainArgs){.seed = "2"}, "seed=1\n", &o, "--seed 2: the run to go on with has 1");
    refused((TrainArgs){.split = "0.5"}, "seed=1\n", &o, "--split 0.5: the run to go on with has none");
    refused((TrainArgs){.scale = "minmax"}, "scale=none\n", &o, "--scale minmax: the run to go on with has none");
    TrainArgs same = {.seed = "1", .scale = "none", .batch = "32"};
    read_all(&same, "seed=1\nscale=none\nbatch=32\nunknown=7\n\nrubbish", &o);
}

static int begin(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(who_wins),
        cmocka_unit_test(saved_to_the_last_bit),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
