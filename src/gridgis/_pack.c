/* The numbers of a map, packed: states that take turns (gridgis/maps/coding.py, where the twins are).
 *
 * All numbers are int64 in C-contiguous arrays of the callers; what came from a file is checked here.
 */
#include "_core.h"
#include <string.h>

#define BITS 12
#define SHARE (1 << BITS)
#define LOW (1 << 17)
#define LETTERS 87
#define BASE (LETTERS * LETTERS)

static PyObject *refused(Py_buffer *views, int many, const char *sentence)
{
    for (int i = 0; i < many; i++)
        if (views[i].obj) PyBuffer_Release(&views[i]);
    if (!sentence) return NULL;
    PyErr_SetString(PyExc_ValueError, sentence);
    return NULL;
}

const char push_symbols_doc[] = "push_symbols(start, share, states, shed) -> number of digits; see gridgis.maps.coding";

/* Symbols, last first, into the states; the digits that they shed stand at the end of `shed`, in the order of reading. */
PyObject *push_symbols(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer v[4];
    memset(v, 0, sizeof(v));
    if (!PyArg_ParseTuple(args, "y*y*w*w*", &v[0], &v[1], &v[2], &v[3])) return NULL;
    const int64_t *start = v[0].buf, *share = v[1].buf;
    int64_t *states = v[2].buf, *shed = v[3].buf;
    int64_t count = v[0].len / 8, lanes = v[2].len / 8, place = count;
    if (v[1].len / 8 != count || v[3].len / 8 != count || lanes < 1)
        return refused(v, 4, "push_symbols: the arrays do not fit together");
    for (int64_t i = 0; i < count; i++)
        if (share[i] < 1) return refused(v, 4, "push_symbols: a symbol has no share");
    Py_BEGIN_ALLOW_THREADS
    int64_t lane = count ? (count - 1) % lanes : 0;
    for (int64_t i = count - 1; i >= 0; i--) {
        int64_t now = states[lane], some = share[i];
        if (now >= some * (LOW / SHARE * BASE)) {
            shed[--place] = now % BASE;
            now /= BASE;
        }
        states[lane] = now / some * SHARE + now % some + start[i];
        lane = lane ? lane - 1 : lanes - 1;
    }
    Py_END_ALLOW_THREADS
    refused(v, 4, NULL);
    return PyLong_FromLongLong((long long)(count - place));
}

const char pull_symbols_doc[] = "pull_symbols(text, letters, states, start, share, bits, slots) -> number of letters read, -1 if the text "
                                "ends too early; see gridgis.maps.coding";

/* The slot of each symbol: of a table of ranges, or, with `bits`, of so many plain bits each. */
PyObject *pull_symbols(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer v[7];
    memset(v, 0, sizeof(v));
    if (!PyArg_ParseTuple(args, "y*y*w*y*y*y*w*", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6])) return NULL;
    const unsigned char *text = v[0].buf;
    const int64_t *letters = v[1].buf, *start = v[3].buf, *share = v[4].buf, *bits = v[5].buf;
    int64_t *states = v[2].buf, *slots = v[6].buf;
    int64_t size = v[0].len, lanes = v[2].len / 8, count = v[6].len / 8, plain = v[5].len / 8, place = 0, lane = 0;
    if (v[1].len / 8 != 256 || lanes < 1 || (plain ? plain != count : v[3].len / 8 != SHARE || v[4].len / 8 != SHARE))
        return refused(v, 7, "pull_symbols: the arrays do not fit together");
    for (int64_t i = 0; i < plain; i++)
        if (bits[i] < 1 || bits[i] > BITS) return refused(v, 7, "pull_symbols: one to twelve bits can be read");
    Py_BEGIN_ALLOW_THREADS
    for (int64_t i = 0; i < count; i++) {
        int64_t now = states[lane], slot = now & (SHARE - 1);
        slots[i] = slot;
        if (plain) {
            int64_t left = BITS - bits[i];
            now = ((int64_t)1 << left) * (now >> BITS) + slot - (slot >> left << left);
        } else
            now = share[slot] * (now >> BITS) + slot - start[slot];
        if (now < LOW) {
            if (place + 2 > size) {
                place = -1;
                break;
            }
            now = now * BASE + letters[text[place]] * LETTERS + letters[text[place + 1]];
            place += 2;
        }
        states[lane] = now;
        if (++lane == lanes) lane = 0;
    }
    Py_END_ALLOW_THREADS
    refused(v, 7, NULL);
    return PyLong_FromLongLong((long long)place);
}
