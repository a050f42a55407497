/* The compiled kernels of the index that says in which cell a point lies; each has a twin in NumPy with the same
 * answers (gridgis.locate). docs/locate.md explains the index.
 *
 * Every decision is the exact sign of an orientation: first in doubles with an error bound, then, where that leaves
 * it open, in sums of doubles without rounding. The compiler must not fuse multiplications and additions.
 */
#include "_core.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "doubles are not rounded to doubles here; the index runs without its compiled kernels"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif
#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)0)
#endif

/* --- exact signs */

#define ERROR_BOUND 3.3306690738754716e-16 /* (3 + 16 e) e with e = 2^-53 */
#define TINY 1e-120
#define HUGE_COORDINATE 1e120

/* May the exact sum be formed without overflow or underflow? */
static int in_range(double value)
{
    double size = fabs(value);
    return size == 0.0 || (size > TINY && size < HUGE_COORDINATE);
}

static void two_sum(double a, double b, double *sum, double *rest)
{
    double s = a + b, back = s - a;
    *sum = s;
    *rest = (a - (s - back)) + (b - back);
}

static void split(double a, double *high, double *low)
{
    double c = 134217729.0 * a, big = c - a;
    *high = c - big;
    *low = a - *high;
}

static void two_product(double a, double b, double *product, double *rest)
{
    double ah, al, bh, bl, p = a * b;
    split(a, &ah, &al);
    split(b, &bh, &bl);
    *product = p;
    *rest = al * bl - (((p - ah * bh) - al * bh) - ah * bl);
}

/* The sign of a sum of n <= 16 doubles, without rounding: the partial sums never overlap. */
static int sign_of_sum(const double *terms, int n)
{
    double parts[16];
    int many = 0;
    for (int i = 0; i < n; i++) {
        double carry = terms[i], rest;
        int kept = 0;
        for (int j = 0; j < many; j++) {
            two_sum(carry, parts[j], &carry, &rest);
            if (rest != 0.0) parts[kept++] = rest;
        }
        many = kept;
        if (carry != 0.0) parts[many++] = carry;
    }
    return many == 0 ? 0 : parts[many - 1] > 0.0 ? 1 : -1;
}

static int exact_orientation(double ax, double ay, double bx, double by, double cx, double cy)
{
    double left[2], up[2], down[2], right[2], terms[16];
    two_sum(ax, -cx, &left[0], &left[1]);
    two_sum(by, -cy, &up[0], &up[1]);
    two_sum(ay, -cy, &down[0], &down[1]);
    two_sum(bx, -cx, &right[0], &right[1]);
    if (left[1] == 0.0 && up[1] == 0.0 && down[1] == 0.0 && right[1] == 0.0) { /* two products, to be compared */
        two_product(left[0], up[0], &terms[1], &terms[0]);
        two_product(down[0], right[0], &terms[3], &terms[2]);
        return terms[1] != terms[3] ? (terms[1] > terms[3] ? 1 : -1) : (terms[0] > terms[2]) - (terms[0] < terms[2]);
    }
    int n = 0;
    for (int i = 1; i >= 0; i--)
        for (int j = 1; j >= 0; j--) {
            if (left[i] != 0.0 && up[j] != 0.0) {
                two_product(left[i], up[j], &terms[n + 1], &terms[n]);
                n += 2;
            }
            if (down[i] != 0.0 && right[j] != 0.0) {
                two_product(-down[i], right[j], &terms[n + 1], &terms[n]);
                n += 2;
            }
        }
    return sign_of_sum(terms, n);
}

/* +1 where c lies to the left of a -> b, -1 to the right, 0 on the line. */
static int orientation(double ax, double ay, double bx, double by, double cx, double cy)
{
    double left = (ax - cx) * (by - cy), right = (ay - cy) * (bx - cx), det = left - right;
    double bound = ERROR_BOUND * (fabs(left) + fabs(right));
    if (det > bound && det > DBL_MIN) return 1;
    if (-det > bound && -det > DBL_MIN) return -1;
    return exact_orientation(ax, ay, bx, by, cx, cy);
}

typedef struct {
    double x, y;
} Point;

/* An edge from its lower end to its upper one; of two ends of one height the left one is the lower. */
typedef struct {
    Point low, high;
    int turned;
} Edge;

static Edge edge_of(const Point *vertices, uint32_t e)
{
    const Point *a = vertices + e, *b = a + 1;
    int turned = (b->y < a->y) | ((b->y == a->y) & (b->x < a->x)); /* no branch: it could not be foreseen */
    return (Edge){a[turned], a[1 - turned], turned};
}

/* Does (x, y), moved by (e, e^2) for an e that is next to nothing, lie to the right of the edge? */
static int right_of(const Edge *edge, double x, double y)
{
    int sign = orientation(edge->low.x, edge->low.y, edge->high.x, edge->high.y, x, y);
    return sign < 0 || (sign == 0 && edge->low.y < edge->high.y);
}

/* Does the line y, moved up by next to nothing, cross the edge? */
static int spans_y(const Edge *edge, double y) { return edge->low.y <= y && y < edge->high.y; }

/* The same for the line x, moved to the right. */
static int spans_x(const Edge *edge, double x)
{
    return edge->low.x < edge->high.x ? edge->low.x <= x && x < edge->high.x : edge->high.x <= x && x < edge->low.x;
}

/* Is (x, y), moved, to the right of the edge, as seen on a way that goes up along x0 and then along y? An edge that
 * spans neither stays where it was on that way. */
static int right_on_way(const Edge *edge, double x0, double x, double y)
{
    if (spans_y(edge, y)) return right_of(edge, x, y);
    if (spans_x(edge, x0)) return right_of(edge, x0, y);
    return (edge->low.x > edge->high.x ? edge->low.x : edge->high.x) <= x0;
}

/* --- borders that two cells share */

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 32)) * 0xD6E8FEB86659FD93u;
    z = (z ^ (z >> 32)) * 0xD6E8FEB86659FD93u;
    return z ^ (z >> 32);
}

static uint64_t hash_of(Point point)
{
    double x = point.x + 0.0, y = point.y + 0.0; /* -0.0 is 0.0 */
    uint64_t a, b;
    memcpy(&a, &x, 8);
    memcpy(&b, &y, 8);
    return mix(a * 0x9E3779B97F4A7C15u + (b ^ (b >> 29)) * 0xC2B2AE3D27D4EB4Fu);
}

static int same(Point a, Point b) { return a.x == b.x && a.y == b.y; }

typedef struct {
    const Point *at;
    const int64_t *start;
    const unsigned char *turned; /* rings that have their cell on the right */
    int32_t *ring, *twin;
    uint64_t *slots;
    uint64_t mask;
} Match;

enum { ALONE = -1, NO_EDGE = -2 };

/* Do two edges have the same ends, and their cells on different sides? */
static int are_twins(const Match *m, int64_t a, int64_t b)
{
    if (m->turned[m->ring[a]] == m->turned[m->ring[b]])
        return same(m->at[a], m->at[b + 1]) && same(m->at[a + 1], m->at[b]);
    return same(m->at[a], m->at[b]) && same(m->at[a + 1], m->at[b + 1]);
}

static int64_t along(const Match *m, int64_t edge, int step)
{
    int32_t ring = m->ring[edge];
    int64_t first = m->start[ring], last = m->start[ring + 1] - 2;
    edge += step;
    return edge < first ? last : edge > last ? first : edge;
}

/* Make two edges twins, and those that follow on both sides as far as they are. */
static void join(Match *m, int64_t a, int64_t b)
{
    m->twin[a] = (int32_t)b;
    m->twin[b] = (int32_t)a;
    int opposite = m->turned[m->ring[a]] == m->turned[m->ring[b]] ? -1 : 1;
    for (int step = -1; step <= 1; step += 2) {
        int64_t one = along(m, a, step), two = along(m, b, step * opposite);
        while (one != two && m->twin[one] == ALONE && m->twin[two] == ALONE && are_twins(m, one, two)) {
            m->twin[one] = (int32_t)two;
            m->twin[two] = (int32_t)one;
            one = along(m, one, step);
            two = along(m, two, step * opposite);
        }
    }
}

/* Look an edge up; where its twin has not come yet, keep it. */
static void meet(Match *m, int64_t edge, uint64_t hash)
{
    uint64_t tag = hash & 0xFFFFFFFF00000000u;
    for (uint64_t place = hash & m->mask;; place = (place + 1) & m->mask) {
        uint64_t slot = m->slots[place];
        if (slot == UINT64_MAX) {
            m->slots[place] = tag | (uint64_t)edge;
            return;
        }
        int64_t other = (int64_t)(slot & 0xFFFFFFFFu);
        if ((slot & 0xFFFFFFFF00000000u) == tag && m->twin[other] == ALONE && are_twins(m, edge, other)) {
            join(m, other, edge);
            return;
        }
    }
}

#define AHEAD 16
#define LANDMARK 7

/* First only one edge in eight is looked up, chosen by its hash, so that both twins are; most others follow from
 * these. Then the edges that are still alone. */
static int match_all(Match *m, int64_t rings)
{
    int64_t all = m->start[rings];
    for (int round = 0; round < 2; round++) {
        int64_t wanted = 0, waiting[AHEAD];
        uint64_t hashes[AHEAD];
        if (round == 0) wanted = all / (LANDMARK + 1) * 2 + 64;
        else
            for (int64_t e = 0; e < all; e++) wanted += m->twin[e] == ALONE;
        uint64_t size = 64;
        while (size < (uint64_t)wanted * 2) size *= 2;
        m->mask = size - 1;
        m->slots = malloc(size * sizeof(uint64_t));
        if (!m->slots) return 0;
        memset(m->slots, 0xFF, size * sizeof(uint64_t));
        uint64_t kept = 0;
        for (int64_t ring = 0; ring < rings; ring++) {
            if (m->start[ring + 1] - m->start[ring] < 2) continue;
            uint64_t from = hash_of(m->at[m->start[ring]]);
            for (int64_t e = m->start[ring]; e < m->start[ring + 1] - 1; e++) {
                if (round && m->twin[e] != ALONE) continue;
                if (round) from = hash_of(m->at[e]);
                uint64_t to = hash_of(m->at[e + 1]), hash = mix(from + to), now = kept % AHEAD;
                from = to;
                if (m->twin[e] != ALONE || (!round && ((hash >> 32 & LANDMARK) || kept * 2 >= size))) continue;
                if (kept >= AHEAD && m->twin[waiting[now]] == ALONE) meet(m, waiting[now], hashes[now]);
                PREFETCH(&m->slots[hash & m->mask]);
                waiting[now] = e;
                hashes[now] = hash;
                kept++;
            }
        }
        for (uint64_t i = kept > AHEAD ? kept - AHEAD : 0; i < kept; i++)
            if (m->twin[waiting[i % AHEAD]] == ALONE) meet(m, waiting[i % AHEAD], hashes[i % AHEAD]);
        free(m->slots);
    }
    return 1;
}

static int64_t length_of(const Py_buffer *view, size_t item) { return view->len / (Py_ssize_t)item; }

static void release(Py_buffer *views, int many)
{
    for (int i = 0; i < many; i++)
        if (views[i].obj) PyBuffer_Release(&views[i]);
}

static PyObject *refuse(Py_buffer *views, int many, const char *sentence)
{
    release(views, many);
    PyErr_SetString(PyExc_ValueError, sentence);
    return NULL;
}

/* Does a ring have the cell on its right? It turns at its lowest point as it turns as a whole. */
static int is_turned(const Point *ring, int64_t many, int hole)
{
    int64_t low = 0, last = many - 1, before, after; /* the last point is the first again */
    for (int64_t i = 1; i < last; i++)
        if (ring[i].y < ring[low].y || (ring[i].y == ring[low].y && ring[i].x < ring[low].x)) low = i;
    for (after = 1; after < last && same(ring[(low + after) % last], ring[low]);) after++;
    for (before = 1; before < last && same(ring[(low + last - before) % last], ring[low]);) before++;
    if (last < 3) return hole;
    Point a = ring[(low + last - before) % last], b = ring[low], c = ring[(low + after) % last];
    int clockwise = orientation(a.x, a.y, b.x, b.y, c.x, c.y) < 0;
    return clockwise != hole;
}

const char make_arcs_doc[] = "make_arcs(...) -> vertices, arcs; see gridgis.locate.arcs";

/* Rings of cells in, borders out, each once: a chain of vertices with a cell, or none, on each side. */
PyObject *make_arcs(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer v[8];
    memset(v, 0, sizeof(v));
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*w*w*w*", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7])) return NULL;
    const Point *at = v[0].buf;
    const int64_t *start = v[1].buf;
    const unsigned char *hole = v[2].buf;
    const int32_t *cell = v[3].buf;
    Point *vertices = v[4].buf;
    int32_t *arc_start = v[5].buf, *left = v[6].buf, *right = v[7].buf;
    int64_t all = length_of(&v[0], sizeof(Point)), rings = length_of(&v[3], 4);
    if (length_of(&v[1], 8) != rings + 1 || length_of(&v[2], 1) != rings || start[rings] != all || all >= INT32_MAX ||
        length_of(&v[4], sizeof(Point)) < 2 * all || length_of(&v[5], 4) < all + 1 || length_of(&v[6], 4) < all ||
        length_of(&v[7], 4) < all)
        return refuse(v, 8, "make_arcs: the arrays do not fit together");
    int64_t many = 0, arcs = 0;
    int room = 0, plain = 1;
    double bounds[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    int32_t *ring = malloc(sizeof(int32_t) * ((size_t)all + 1)), *twin = malloc(sizeof(int32_t) * ((size_t)all + 1));
    unsigned char *turned = malloc((size_t)rings + 1);
    Py_BEGIN_ALLOW_THREADS
    if (ring && twin && turned) {
        for (int64_t r = 0; r < rings; r++) {
            for (int64_t e = start[r]; e < start[r + 1]; e++) {
                plain &= in_range(at[e].x) & in_range(at[e].y);
                bounds[0] = at[e].x < bounds[0] ? at[e].x : bounds[0];
                bounds[1] = at[e].y < bounds[1] ? at[e].y : bounds[1];
                bounds[2] = at[e].x > bounds[2] ? at[e].x : bounds[2];
                bounds[3] = at[e].y > bounds[3] ? at[e].y : bounds[3];
            }
            turned[r] = (unsigned char)is_turned(at + start[r], start[r + 1] - start[r], hole[r]);
            for (int64_t e = start[r]; e < start[r + 1]; e++) {
                ring[e] = (int32_t)r;
                twin[e] = e + 1 == start[r + 1] || same(at[e], at[e + 1]) ? NO_EDGE : ALONE;
            }
        }
        Match match = {at, start, turned, ring, twin, NULL, 0};
        room = match_all(&match, rings);
    }
    if (room) {
        for (int64_t r = 0; r < rings; r++) {
            int64_t before = -1;
            int32_t beside = -1;
            for (int64_t e = start[r]; e < start[r + 1] - 1; e++) {
                if (twin[e] == NO_EDGE || (twin[e] >= 0 && twin[e] < e)) continue;
                int32_t other = twin[e] == ALONE ? 0 : cell[ring[twin[e]]];
                if (before < 0 || before != e || other != beside) {
                    vertices[many++] = at[e];
                    arc_start[arcs] = (int32_t)(many - 1);
                    left[arcs] = turned[r] ? other : cell[r];
                    right[arcs++] = turned[r] ? cell[r] : other;
                }
                vertices[many++] = at[e + 1];
                before = e + 1;
                beside = other;
            }
        }
        arc_start[arcs] = (int32_t)many;
    }
    free(ring);
    free(twin);
    free(turned);
    Py_END_ALLOW_THREADS
    release(v, 8);
    if (!room) return PyErr_NoMemory();
    return Py_BuildValue("LLidddd", (long long)many, (long long)arcs, plain, bounds[0], bounds[1], bounds[2], bounds[3]);
}

/* --- the index */

#define KIND_BITS 30
#define BLOCK (1u << KIND_BITS)
#define LEAF (2u << KIND_BITS)
#define KIND(entry) ((entry) >> KIND_BITS)
#define VALUE(entry) ((entry) & (BLOCK - 1u))
#define CLASH VALUE(UINT32_MAX)
#define SIDE_BITS 26 /* a block entry: 4 bits for its size, 26 for its place in fours */

#define ONE_CELL (1u << 24) /* a sum of cells: how many in the upper 8 bits, their numbers below */
#define CROWD 100

#define QUANTA_BITS 14 /* a pixel is so fine inside a leaf */
#define FINEST 18      /* a pixel of 2^FINEST units is not divided */
#define SLACK 1.0      /* units; rounding is far below */
#define NEAR 2         /* quanta within which a leaf is not sure */

typedef struct {
    int16_t u0, v0, u1, v1, crossing;
    uint16_t flags;
    uint32_t delta;
} Piece;

enum { LEANS_RIGHT = 1, LAST = 2 };

/* A leaf lies in words of 8 bytes: its head, and two words for each piece. */
typedef struct {
    uint32_t base, first;
} Head;

typedef struct {
    double west, south, scale, unit; /* a place in units: (x - west) * scale */
    int64_t columns, rows, shift;    /* the pixels of the first level, 2^shift units wide */
} Frame;

/* Which cell a sum of cells stands for: 0 for none, CLASH where it is not one. */
static uint32_t cell_of(uint32_t sum, uint32_t cells)
{
    if (sum == 0) return 0;
    return sum >> 24 == 1 && (sum & (ONE_CELL - 1)) - 1 < cells ? sum & (ONE_CELL - 1) : CLASH;
}

typedef struct {
    int64_t x, y; /* units */
    int shift, bits, is_root;
    uint32_t sum, offset;
    int64_t first, count;
} Node;

typedef struct {
    void *data;
    int64_t used, room;
    size_t item;
} List;

static void *grow(List *list, int64_t more)
{
    if (list->used + more > list->room) {
        int64_t room = (list->used + more) * 3 / 2 + 64;
        void *data = realloc(list->data, (size_t)room * list->item);
        if (!data) return NULL;
        list->data = data;
        list->room = room;
    }
    void *place = (char *)list->data + (size_t)list->used * list->item;
    list->used += more;
    return place;
}

enum { DONE, NO_MEMORY, TOO_SMALL, CROWDED, TOO_LARGE };

typedef struct {
    Frame frame;
    const Point *vertices;
    const uint32_t *delta; /* what crossing an edge from its left to its right adds to the sum of cells */
    uint32_t cells;
    int64_t most;
    uint32_t *table, *leaf_edges;
    Head *leaves;
    int64_t table_used, table_room, leaves_used, leaves_room, pieces, pieces_room;
    List pairs, counts, sums, sorted, placed; /* of the node in hand */
    List nodes, edges;                /* of the next level */
} Build;

/* Rounded down; a value beyond any pixel goes to the last number there is. */
static int64_t whole(double value)
{
    if (!(value > -4e18)) return INT64_MIN / 2;
    if (value > 4e18) return INT64_MAX / 2;
    int64_t cut = (int64_t)value;
    return cut - ((double)cut > value);
}

static int64_t held(int64_t value, int64_t most) { return value < 0 ? 0 : value > most ? most : value; }

static double corner_x(const Frame *frame, int64_t x) { return frame->west + (double)x * frame->unit; }
static double corner_y(const Frame *frame, int64_t y) { return frame->south + (double)y * frame->unit; }

typedef struct {
    Edge edge;
    double ax, ay, bx, by; /* units from the corner of the node */
} Placed;

static Placed place_edge(const Build *b, uint32_t e, int64_t x, int64_t y)
{
    Edge edge = edge_of(b->vertices, e);
    double scale = b->frame.scale, west = b->frame.west, south = b->frame.south;
    return (Placed){edge, (edge.low.x - west) * scale - (double)x, (edge.low.y - south) * scale - (double)y,
                    (edge.high.x - west) * scale - (double)x, (edge.high.y - south) * scale - (double)y};
}

/* The pixels of a node in which an edge begins and ends, row by row, with what rounding may add. */
typedef struct {
    int64_t columns, rows, low, high;
    double size, inverse;
} Pixels;

static int push_pair(Build *b, int64_t pixel, uint32_t e)
{
    if (b->pairs.used == b->pairs.room) {
        if (!grow(&b->pairs, 1)) return 0;
        b->pairs.used--;
    }
    uint32_t *pair = (uint32_t *)b->pairs.data + 2 * b->pairs.used++;
    pair[0] = (uint32_t)pixel;
    pair[1] = e;
    ((uint32_t *)b->counts.data)[pixel + 1]++;
    return 1;
}

/* The pixels that an edge touches, or comes so near that rounding may count. `e` is its place in the node. */
static int mark_pixels(Build *b, const Placed *p, uint32_t e, const Pixels *in)
{
    if (in->high < 0 || in->low >= in->rows) return 1;
    double rise = p->by - p->ay, slope = in->low < in->high && rise > 1e-3 ? (p->bx - p->ax) / rise : 0.0;
    int64_t last = held(in->high, in->rows - 1);
    for (int64_t row = held(in->low, in->rows - 1); row <= last; row++) {
        double one = p->ax, two = p->bx;
        if (in->low < in->high && rise > 1e-3) {
            double bottom = (double)row * in->size - SLACK, top = (double)(row + 1) * in->size + SLACK;
            if (bottom > p->ay) one = p->ax + (bottom - p->ay) * slope;
            if (top < p->by) two = p->ax + (top - p->ay) * slope;
        }
        int64_t west = whole(((one < two ? one : two) - SLACK) * in->inverse);
        int64_t east = whole(((one < two ? two : one) + SLACK) * in->inverse);
        if (east < 0 || west >= in->columns) continue;
        int64_t end = held(east, in->columns - 1);
        for (int64_t column = held(west, in->columns - 1); column <= end; column++)
            if (!push_pair(b, row * in->columns + column, e)) return 0;
    }
    return 1;
}

/* Where an edge changes the sums of cells at the corners of the pixels: along the lines of the corners, and up the
 * left side of the node. */
static void mark_sums(Build *b, const Placed *p, uint32_t delta, const Node *node, const Pixels *in)
{
    uint32_t *sums = b->sums.data;
    int64_t last = in->high < in->rows ? in->high : in->rows - 1;
    for (int64_t row = in->low < 0 ? 0 : in->low + 1; row <= last; row++) {
        double y = corner_y(&b->frame, node->y + (row << node->shift));
        if (!spans_y(&p->edge, y)) continue;
        double part = (y - p->edge.low.y) / (p->edge.high.y - p->edge.low.y), x = p->ax + part * (p->bx - p->ax);
        int64_t near = whole(x * in->inverse + 0.5), first = whole(x * in->inverse) + 1;
        if (near < 0 || near > in->columns) continue;
        if (fabs(x - (double)near * in->size) <= SLACK)
            first = near + !right_of(&p->edge, corner_x(&b->frame, node->x + (near << node->shift)), y);
        if (first >= 1 && first < in->columns) sums[row * in->columns + first] += delta;
    }
    double x = corner_x(&b->frame, node->x);
    if (!spans_x(&p->edge, x)) return;
    int leans_right = p->edge.low.x < p->edge.high.x;
    double part = (x - p->edge.low.x) / (p->edge.high.x - p->edge.low.x), y = p->ay + part * (p->by - p->ay);
    int64_t near = whole(y * in->inverse + 0.5), first = whole(y * in->inverse) + 1;
    if (near < 0 || near > in->rows) return;
    if (fabs(y - (double)near * in->size) <= SLACK)
        first = near + (right_of(&p->edge, x, corner_y(&b->frame, node->y + (near << node->shift))) == leans_right);
    if (first >= 1 && first < in->rows) sums[first * in->columns] += leans_right ? 0u - delta : delta;
}

static int16_t quantum(double value)
{
    return (int16_t)((int32_t)((value < -32000 ? -32000 : value > 32000 ? 32000 : value) + 32768.5) - 32768);
}

/* What a leaf keeps of an edge: the piece in and around its pixel, in quanta. */
static Piece piece_of(const Placed *p, double x0, int shift, uint32_t delta)
{
    double size = (double)((int64_t)1 << shift), scale = (double)(1 << QUANTA_BITS) / size;
    double low = -0.5 * size, high = 1.5 * size, dx = p->bx - p->ax, dy = p->by - p->ay, from = 0.0, to = 1.0;
    const double start[2] = {p->ax, p->ay}, run[2] = {dx, dy};
    int inside = (p->ay >= low) & (p->by <= high) & (p->ax >= low) & (p->ax <= high) & (p->bx >= low) & (p->bx <= high);
    for (int axis = 0; axis < 2 && !inside; axis++) {
        double end = start[axis] + run[axis];
        for (int upper = 0; upper < 2; upper++) {
            double wall = upper ? high : low;
            int first_out = upper ? start[axis] > wall : start[axis] < wall, last_out = upper ? end > wall : end < wall;
            if (first_out == last_out) continue;
            double at = (wall - start[axis]) / run[axis];
            if (first_out && at > from) from = at;
            if (last_out && at < to) to = at;
        }
    }
    if (to < from) to = from;
    double ux = p->ax + from * dx, vy = p->ay + from * dy, u2 = to == 1.0 ? p->bx : p->ax + to * dx;
    double v2 = to == 1.0 ? p->by : p->ay + to * dy;
    Piece piece = {quantum(ux * scale), quantum(vy * scale), quantum(u2 * scale), quantum(v2 * scale), 0, LEANS_RIGHT, delta};
    if (spans_x(&p->edge, x0)) {
        double part = (x0 - p->edge.low.x) / (p->edge.high.x - p->edge.low.x);
        piece.crossing = quantum((p->ay + part * dy) * scale);
        piece.flags = p->edge.low.x < p->edge.high.x ? LEANS_RIGHT : 0;
    } else piece.crossing = (p->edge.low.x > p->edge.high.x ? p->edge.low.x : p->edge.high.x) <= x0 ? INT16_MAX : INT16_MIN;
    return piece;
}

/* Write a leaf; its base is the sum of cells for a point that is on the left of all its edges. `local` are places
 * among the edges of the node. */
static int write_leaf(Build *b, const Node *node, const uint32_t *edges, int64_t x, int64_t y, uint32_t sum, const uint32_t *local,
                      int64_t count)
{
    const Placed *placed = b->placed.used ? b->placed.data : NULL;
    double west = (double)(x - node->x), south = (double)(y - node->y);
    if (b->leaves_used + 1 + 2 * count > b->leaves_room || b->pieces + count > b->pieces_room) return TOO_SMALL;
    if (b->leaves_used >= (int64_t)BLOCK || b->pieces + count >= (int64_t)UINT32_MAX) return TOO_LARGE;
    Head *head = b->leaves + b->leaves_used;
    Piece *pieces = (Piece *)(head + 1);
    double x0 = corner_x(&b->frame, x), y0 = corner_y(&b->frame, y);
    *head = (Head){sum, (uint32_t)b->pieces};
    for (int64_t i = 0; i < count; i++) {
        uint32_t e = edges[local[i]], delta = b->delta[e];
        Placed p = placed ? placed[local[i]] : place_edge(b, e, node->x, node->y);
        p.ax -= west;
        p.bx -= west;
        p.ay -= south;
        p.by -= south;
        pieces[i] = piece_of(&p, x0, node->shift, delta);
        int right = spans_x(&p.edge, x0) ? right_of(&p.edge, x0, y0) : pieces[i].crossing == INT16_MAX;
        if (right) head->base -= delta;
        b->leaf_edges[b->pieces++] = e;
    }
    pieces[count - 1].flags |= LAST;
    b->leaves_used += 1 + 2 * count;
    return DONE;
}

/* Into how many pixels a side shall be divided that so many edges touch, as a power of two. */
static int bits_for(int64_t count)
{
    int bits = 1;
    while (bits < 6 && ((int64_t)1 << (2 * bits)) < count) bits++;
    return bits;
}

/* Is it in vain to divide on? Most edges of the node are in this pixel, and most are longer than a pixel: they lie on
 * each other, or go through one place. */
static int in_vain(int64_t here, int64_t in_node, int64_t touched, int64_t side)
{
    return 4 * here >= 3 * in_node && 2 * touched >= in_node * side;
}

#define KEPT 4096 /* edges of a node that are placed once */

/* Divide a node into pixels; what is too full becomes a node of the next level. */
static int divide_node(Build *b, const Node *node, const uint32_t *edges, int64_t columns, int64_t rows)
{
    int64_t pixels = columns * rows;
    double size = (double)((int64_t)1 << node->shift);
    Pixels in = {columns, rows, 0, 0, size, 1.0 / size};
    b->pairs.used = b->counts.used = b->sums.used = b->sorted.used = b->placed.used = 0;
    if (!grow(&b->counts, pixels + 1) || !grow(&b->sums, pixels)) return NO_MEMORY;
    if (!node->is_root && node->count <= KEPT && !grow(&b->placed, node->count)) return NO_MEMORY;
    Placed *placed = b->placed.used ? b->placed.data : NULL;
    uint32_t *counts = b->counts.data, *sums = b->sums.data;
    memset(counts, 0, sizeof(uint32_t) * (size_t)(pixels + 1));
    memset(sums, 0, sizeof(uint32_t) * (size_t)pixels);
    for (int64_t i = 0; i < node->count; i++) {
        if (i + AHEAD < node->count) PREFETCH(b->vertices + edges[i + AHEAD]);
        Placed p = place_edge(b, edges[i], node->x, node->y);
        if (placed) placed[i] = p;
        in.low = whole((p.ay - SLACK) * in.inverse);
        in.high = whole((p.by + SLACK) * in.inverse);
        if (!mark_pixels(b, &p, (uint32_t)i, &in)) return NO_MEMORY;
        mark_sums(b, &p, b->delta[edges[i]], node, &in);
    }
    if (b->pairs.used >= (int64_t)UINT32_MAX) return TOO_LARGE;
    if (!grow(&b->sorted, b->pairs.used + 1)) return NO_MEMORY;
    const uint32_t *pairs = b->pairs.data;
    uint32_t *sorted = b->sorted.data, above = node->sum;
    for (int64_t i = 0; i < pixels; i++) counts[i + 1] += counts[i];
    for (int64_t i = b->pairs.used - 1; i >= 0; i--) sorted[--counts[pairs[2 * i] + 1]] = pairs[2 * i + 1];
    for (int64_t row = 0; row < rows; row++) {
        uint32_t sum = above += sums[row * columns];
        for (int64_t column = 0; column < columns; column++) {
            int64_t pixel = row * columns + column;
            if (column) sum += sums[pixel];
            int64_t first = counts[pixel + 1], end = pixel + 1 < pixels ? counts[pixel + 2] : b->pairs.used;
            int64_t x = node->x + (column << node->shift), y = node->y + (row << node->shift);
            uint32_t *entry = b->table + node->offset + pixel;
            if ((sum >> 24) > CROWD && (sum >> 24) < 256 - CROWD) return CROWDED;
            if (end == first) *entry = cell_of(sum, b->cells);
            else if (end - first <= b->most || node->shift <= FINEST || in_vain(end - first, node->count, b->pairs.used, columns)) {
                *entry = LEAF | (uint32_t)b->leaves_used;
                int told = write_leaf(b, node, edges, x, y, sum, sorted + first, end - first);
                if (told != DONE) return told;
            } else {
                int bits = bits_for(end - first);
                if (bits > node->shift - FINEST) bits = node->shift - FINEST;
                Node *child = grow(&b->nodes, 1);
                uint32_t *kept = child ? grow(&b->edges, end - first) : NULL;
                if (!kept) return NO_MEMORY;
                if (b->table_used + ((int64_t)1 << (2 * bits)) > b->table_room) return TOO_SMALL;
                if (b->table_used >> 2 >= (int64_t)1 << SIDE_BITS) return TOO_LARGE;
                for (int64_t i = first; i < end; i++) kept[i - first] = edges[sorted[i]];
                *child = (Node){x, y, node->shift - bits, bits, 0, sum, (uint32_t)b->table_used,
                                b->edges.used - (end - first), end - first};
                *entry = BLOCK | (uint32_t)bits << SIDE_BITS | (uint32_t)(b->table_used >> 2);
                b->table_used += (int64_t)1 << (2 * bits);
            }
        }
    }
    return DONE;
}

const char build_index_doc[] = "build_index(...) -> sizes of table, leaves and pieces, None if there is no room; see gridgis.locate.build";

static int build_all(Build *b, uint32_t *edges, int64_t many)
{
    Frame *f = &b->frame;
    Node root = {0, 0, (int)f->shift, 0, 1, 0, 0, 0, many};
    b->table_used = (f->columns * f->rows + 3) / 4 * 4;
    if (b->table_used > b->table_room) return TOO_SMALL;
    memset(b->table, 0, sizeof(uint32_t) * (size_t)b->table_used);
    int told = divide_node(b, &root, edges, f->columns, f->rows);
    while (told == DONE && b->nodes.used) {
        List nodes = b->nodes, level = b->edges;
        b->nodes = (List){NULL, 0, 0, sizeof(Node)};
        b->edges = (List){NULL, 0, 0, sizeof(uint32_t)};
        for (int64_t i = 0; told == DONE && i < nodes.used; i++) {
            const Node *node = (const Node *)nodes.data + i;
            told = divide_node(b, node, (const uint32_t *)level.data + node->first, (int64_t)1 << node->bits, (int64_t)1 << node->bits);
        }
        free(nodes.data);
        free(level.data);
    }
    return told;
}

/* Borders in, index out. */
PyObject *build_index(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer v[7];
    Build b;
    memset(v, 0, sizeof(v));
    memset(&b, 0, sizeof(b));
    long long cells, columns, rows, shift, most;
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*w*w*ddddLLLLL", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &b.frame.west,
                          &b.frame.south, &b.frame.scale, &b.frame.unit, &columns, &rows, &shift, &cells, &most))
        return NULL;
    const int32_t *arc_start = v[1].buf, *left = v[2].buf, *right = v[3].buf;
    int64_t many = length_of(&v[0], sizeof(Point)), arcs = length_of(&v[2], 4), edges_used = 0;
    if (length_of(&v[1], 4) != arcs + 1 || length_of(&v[3], 4) != arcs || arc_start[arcs] != many || columns < 1 ||
        rows < 1 || shift < FINEST || shift > 50 || columns > INT32_MAX / rows || cells < 0 || cells >= ONE_CELL || most < 1)
        return refuse(v, 7, "build_index: the arrays do not fit together");
    b.frame.columns = columns;
    b.frame.rows = rows;
    b.frame.shift = shift;
    b.vertices = v[0].buf;
    b.cells = (uint32_t)cells;
    b.most = most;
    b.table = v[4].buf;
    b.table_room = length_of(&v[4], 4);
    b.leaves = v[5].buf;
    b.leaves_room = length_of(&v[5], sizeof(Head));
    b.leaf_edges = v[6].buf;
    b.pieces_room = length_of(&v[6], 4);
    b.pairs.item = 2 * sizeof(uint32_t);
    b.counts.item = b.sums.item = b.sorted.item = b.edges.item = sizeof(uint32_t);
    b.nodes.item = sizeof(Node);
    b.placed.item = sizeof(Placed);
    uint32_t *delta = malloc(sizeof(uint32_t) * ((size_t)many + 1)), *edges = malloc(sizeof(uint32_t) * ((size_t)many + 1));
    int told = NO_MEMORY;
    Py_BEGIN_ALLOW_THREADS
    if (delta && edges) {
        for (int64_t a = 0; a < arcs; a++) {
            uint32_t on_left = left[a] ? ONE_CELL + (uint32_t)left[a] : 0, on_right = right[a] ? ONE_CELL + (uint32_t)right[a] : 0;
            for (int64_t e = arc_start[a]; e < arc_start[a + 1] - 1; e++) {
                delta[e] = edge_of(b.vertices, (uint32_t)e).turned ? on_left - on_right : on_right - on_left;
                edges[edges_used++] = (uint32_t)e;
            }
        }
        b.delta = delta;
        told = build_all(&b, edges, edges_used);
    }
    free(delta);
    free(edges);
    free(b.pairs.data);
    free(b.counts.data);
    free(b.sums.data);
    free(b.sorted.data);
    free(b.placed.data);
    free(b.nodes.data);
    free(b.edges.data);
    Py_END_ALLOW_THREADS
    release(v, 7);
    if (told == TOO_SMALL) Py_RETURN_NONE;
    if (told == NO_MEMORY) return PyErr_NoMemory();
    if (told == CROWDED || told == TOO_LARGE) {
        PyErr_SetString(PyExc_OverflowError, told == CROWDED ? "crowded" : "large");
        return NULL;
    }
    return Py_BuildValue("LLL", (long long)b.table_used, (long long)b.leaves_used, (long long)b.pieces);
}

/* --- points */

enum { NOWHERE = -1, IN_CLASH = -2, NO_POINT = -3, OPEN = -4, DAMAGED = -5 };

typedef struct {
    Frame frame;
    uint32_t cells;
    const Point *vertices;
    const int32_t *arc_start, *left, *right;
    int64_t arcs, many;
    const uint32_t *table, *leaf_edges;
    const Head *leaves;
    int64_t table_size, leaves_size, pieces;
} Index;

static int64_t arc_of(const Index *index, uint32_t edge)
{
    int64_t low = 0, high = index->arcs;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (index->arc_start[middle] <= (int32_t)edge) low = middle;
        else high = middle;
    }
    return low;
}

/* Does p lie on an edge? */
static int lies_on(const Edge *edge, double x, double y)
{
    double west = edge->low.x < edge->high.x ? edge->low.x : edge->high.x;
    double east = edge->low.x < edge->high.x ? edge->high.x : edge->low.x;
    return x >= west && x <= east && y >= edge->low.y && y <= edge->high.y &&
           orientation(edge->low.x, edge->low.y, edge->high.x, edge->high.y, x, y) == 0;
}

/* A border that leaves a point: its other end, and the cell on each side. */
typedef struct {
    Point to;
    int32_t left, right;
} Ray;

/* The rays of an edge from a point that lies on it: one from its end, two from its middle. */
static int rays_of(const Index *index, uint32_t e, double x, double y, Ray rays[2])
{
    Edge edge = edge_of(index->vertices, e);
    int many = 0;
    if (!lies_on(&edge, x, y)) return 0;
    int64_t arc = arc_of(index, e);
    int32_t left = edge.turned ? index->right[arc] : index->left[arc];
    int32_t right = edge.turned ? index->left[arc] : index->right[arc];
    if (edge.high.x != x || edge.high.y != y) rays[many++] = (Ray){edge.high, left, right};
    if (edge.low.x != x || edge.low.y != y) rays[many++] = (Ray){edge.low, right, left};
    return many;
}

/* Is the angle of one ray from (x, y) greater than that of another? Angles go from just above 0 to the full turn. */
static int is_later(double x, double y, const Ray *one, const Ray *two)
{
    int lower_one = one->to.y < y || (one->to.y == y && one->to.x > x);
    int lower_two = two->to.y < y || (two->to.y == y && two->to.x > x);
    if (lower_one != lower_two) return lower_one;
    return orientation(x, y, two->to.x, two->to.y, one->to.x, one->to.y) > 0;
}

/* A leaf, its pieces counted. */
typedef struct {
    uint32_t base;
    const Piece *pieces;
    const uint32_t *edges;
    int64_t count;
} Leaf;

/* Is there a later ray that this cell borders on? */
static int is_last(const Index *index, const Leaf *leaf, double x, double y, const Ray *ray, int32_t cell)
{
    Ray others[2];
    for (int64_t i = 0; i < leaf->count; i++) {
        int many = rays_of(index, leaf->edges[i], x, y, others);
        for (int k = 0; k < many; k++)
            if ((others[k].left == cell || others[k].right == cell) && is_later(x, y, &others[k], ray)) return 0;
    }
    return 1;
}

/* A point on a border: the lowest cell there, unless it lies inside another one, too. The sum is that of the point
 * moved by (e, e^2); cells that only border on the point are taken off it. */
static int32_t cell_on_border(const Index *index, const Leaf *leaf, double x, double y, uint32_t sum)
{
    int32_t lowest = INT32_MAX;
    int64_t holders = (int8_t)(sum >> 24);
    Ray rays[2];
    for (int64_t i = 0; i < leaf->count; i++) {
        int many = rays_of(index, leaf->edges[i], x, y, rays);
        for (int k = 0; k < many; k++) {
            int32_t left = rays[k].left, right = rays[k].right;
            if (left > 0 && left < lowest) lowest = left;
            if (right > 0 && right < lowest) lowest = right;
            if (left > 0 && left != right && is_last(index, leaf, x, y, &rays[k], left)) holders--;
        }
    }
    return holders > 0 || lowest == INT32_MAX ? IN_CLASH : lowest;
}

/* Answer for one point by exact signs. */
static int32_t find_exactly(const Index *index, const Leaf *leaf, double x0, double x, double y, uint8_t *border)
{
    if (!in_range(x) || !in_range(y)) return OPEN;
    uint32_t sum = leaf->base;
    int on_border = 0;
    for (int64_t i = 0; i < leaf->count; i++) {
        if ((int64_t)leaf->edges[i] + 1 >= index->many) return DAMAGED;
        Edge edge = edge_of(index->vertices, leaf->edges[i]);
        if (right_on_way(&edge, x0, x, y)) sum += leaf->pieces[i].delta;
        if (!on_border) on_border = lies_on(&edge, x, y);
    }
    if (on_border) {
        int32_t cell = cell_on_border(index, leaf, x, y, sum);
        if (border && cell > 0) *border = 1;
        return cell;
    }
    uint32_t cell = cell_of(sum, index->cells);
    return cell == 0 ? NOWHERE : cell == CLASH ? IN_CLASH : (int32_t)cell;
}

/* Answer for one point in a leaf: from the pieces, where no piece is so near that rounding may count. */
static int32_t find_in_leaf(const Index *index, const Head *head, const int64_t at[2], int shift, double x, double y, uint8_t *border)
{
    int32_t u = (int32_t)(at[0] >> (shift - QUANTA_BITS)) & ((1 << QUANTA_BITS) - 1);
    int32_t v = (int32_t)(at[1] >> (shift - QUANTA_BITS)) & ((1 << QUANTA_BITS) - 1);
    const Piece *pieces = (const Piece *)(head + 1), *piece = pieces, *end = (const Piece *)(index->leaves + index->leaves_size);
    uint32_t sum = head->base;
    int near = 0, last;
    do {
        if (piece + 1 > end) return DAMAGED;
        int64_t du = piece->u1 - piece->u0, dv = piece->v1 - piece->v0, over = v - piece->v0;
        int64_t cross = du * over - dv * (u - piece->u0), wide = NEAR * ((du < 0 ? -du : du) + dv);
        int spans = (over >= 0) & (v < piece->v1);
        int beside = (v < piece->crossing) == (piece->flags & LEANS_RIGHT);
        int right = (spans & (cross < 0)) | (~spans & beside);
        int close = (spans & ((cross < 0 ? -cross : cross) <= wide)) | (~spans & ((uint32_t)(v - piece->crossing + NEAR) <= 2 * NEAR));
        near |= close | ((uint64_t)(over + NEAR) <= 2 * NEAR) | ((uint32_t)(v - piece->v1 + NEAR) <= 2 * NEAR);
        sum += piece->delta & (0u - (uint32_t)right);
        last = piece++->flags & LAST;
    } while (!last);
    if (near) {
        Leaf leaf = {head->base, pieces, index->leaf_edges + head->first, piece - pieces};
        if ((int64_t)head->first + leaf.count > index->pieces) return DAMAGED;
        return find_exactly(index, &leaf, corner_x(&index->frame, at[0] >> shift << shift), x, y, border);
    }
    uint32_t cell = cell_of(sum, index->cells);
    return cell == 0 ? NOWHERE : cell == CLASH ? IN_CLASH : (int32_t)cell;
}

#define BATCH 512

/* The cells of at most BATCH points. Points go down together, so that memory answers while others are looked at. */
static int find_batch(const Index *index, const double *xs, const double *ys, int n, int32_t *found, uint8_t *border)
{
    int64_t at[BATCH][2]; /* column and row, in units */
    uint32_t place[BATCH];
    int32_t waiting[BATCH], in_leaf[BATCH], many = 0, leaves = 0, shift[BATCH];
    const Frame *f = &index->frame;
    double east = (double)(f->columns << f->shift), north = (double)(f->rows << f->shift);
    for (int i = 0; i < n; i++) {
        double x = (xs[i] - f->west) * f->scale, y = (ys[i] - f->south) * f->scale;
        int inside = (x >= 0) & (x < east) & (y >= 0) & (y < north);
        at[i][0] = inside ? (int64_t)x : 0;
        at[i][1] = inside ? (int64_t)y : 0;
        place[i] = (uint32_t)((at[i][1] >> f->shift) * f->columns + (at[i][0] >> f->shift));
        shift[i] = (int32_t)f->shift;
        found[i] = NOWHERE;
        waiting[many] = i;
        many += inside;
        if (!inside && !(xs[i] - xs[i] == 0 && ys[i] - ys[i] == 0)) found[i] = NO_POINT;
        PREFETCH(index->table + place[i]);
    }
    while (many) {
        int32_t left = 0;
        for (int k = 0; k < many; k++) {
            int32_t i = waiting[k];
            uint32_t entry = index->table[place[i]], value = VALUE(entry), kind = KIND(entry);
            if (kind == 0) {
                found[i] = value == 0 ? NOWHERE : value == CLASH ? IN_CLASH : (int32_t)value;
            } else if (kind == 1) {
                int bits = (int)(value >> SIDE_BITS), fine = shift[i] - bits;
                int64_t mask = ((int64_t)1 << bits) - 1;
                uint64_t next = ((uint64_t)(value & ((1u << SIDE_BITS) - 1)) << 2) +
                                (uint64_t)(((at[i][1] >> fine & mask) << bits) | (at[i][0] >> fine & mask));
                if (fine < QUANTA_BITS || next >= (uint64_t)index->table_size) return DAMAGED;
                place[i] = (uint32_t)next;
                shift[i] = fine;
                waiting[left++] = i;
                PREFETCH(index->table + next);
            } else {
                if (kind != 2 || (int64_t)value >= index->leaves_size) return DAMAGED;
                PREFETCH(index->leaves + value);
                PREFETCH(index->leaves + value + 6);
                place[i] = value;
                in_leaf[leaves++] = i;
            }
        }
        many = left;
    }
    for (int k = 0; k < leaves; k++) {
        int32_t i = in_leaf[k];
        found[i] = find_in_leaf(index, index->leaves + place[i], at[i], shift[i], xs[i], ys[i], border ? border + i : NULL);
        if (found[i] == DAMAGED) return DAMAGED;
    }
    return DONE;
}

const char find_cells_doc[] = "find_cells(...) -> whether a point is left open; see gridgis.locate.lookup";

/* Points in, for each the row of its cell, or why it has none. */
PyObject *find_cells(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer v[12];
    Index index;
    memset(v, 0, sizeof(v));
    memset(&index, 0, sizeof(index));
    long long columns, rows, shift;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*y*y*y*y*w*w*ddddLLL", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7],
                          &v[8], &v[9], &v[10], &v[11], &index.frame.west, &index.frame.south, &index.frame.scale,
                          &index.frame.unit, &columns, &rows, &shift))
        return NULL;
    index.vertices = v[0].buf;
    index.arc_start = v[1].buf;
    index.left = v[2].buf;
    index.right = v[3].buf;
    index.table = v[4].buf;
    index.leaves = v[5].buf;
    index.leaf_edges = v[6].buf;
    const int32_t *row_of = v[7].buf;
    const double *xs = v[8].buf, *ys = v[9].buf;
    int32_t *found = v[10].buf;
    uint8_t *border = v[11].len ? v[11].buf : NULL;
    int64_t n = length_of(&v[8], 8), open = 0;
    index.many = length_of(&v[0], sizeof(Point));
    index.arcs = length_of(&v[2], 4);
    index.table_size = length_of(&v[4], 4);
    index.leaves_size = length_of(&v[5], sizeof(Head));
    index.pieces = length_of(&v[6], 4);
    index.cells = (uint32_t)length_of(&v[7], 4);
    index.frame.columns = columns;
    index.frame.rows = rows;
    index.frame.shift = shift;
    if (length_of(&v[1], 4) != index.arcs + 1 || length_of(&v[3], 4) != index.arcs || length_of(&v[9], 8) != n ||
        length_of(&v[10], 4) != n || (border && v[11].len != n) || columns < 1 || rows < 1 || shift < FINEST || shift > 50 ||
        columns > INT32_MAX / rows || columns * rows > index.table_size)
        return refuse(v, 12, "find_cells: the arrays do not fit together");
    int told = DONE;
    Py_BEGIN_ALLOW_THREADS
    for (int64_t i = 0; told == DONE && i < n; i += BATCH) {
        int size = n - i < BATCH ? (int)(n - i) : BATCH;
        if (border) memset(border + i, 0, (size_t)size);
        told = find_batch(&index, xs + i, ys + i, size, found + i, border ? border + i : NULL);
        for (int64_t k = i; k < i + size; k++) {
            if (found[k] > (int32_t)index.cells) told = DAMAGED;
            else if (found[k] > 0) found[k] = row_of[found[k] - 1];
            open |= found[k] == OPEN;
        }
    }
    Py_END_ALLOW_THREADS
    release(v, 12);
    if (told == DAMAGED) {
        PyErr_SetString(PyExc_ValueError, "find_cells: the index is damaged");
        return NULL;
    }
    return PyBool_FromLong((long)open);
}

/* --- a few points, without an index */

typedef struct {
    const Point *at;
    const int64_t *start;
    const unsigned char *turned;
} Outline;

/* How often the rings of a cell go around a point; *on says that it lies on one. */
static int turns_around(const Outline *cell, int64_t first, int64_t last, double x, double y, int *on)
{
    int turns = 0;
    for (int64_t ring = first; ring < last; ring++) {
        const Point *a = cell->at + cell->start[ring], *end = cell->at + cell->start[ring + 1] - 1;
        int below = a->y <= y, here = 0;
        for (; a < end; a++) {
            const Point *b = a + 1;
            int next = b->y <= y;
            if ((below == next) & (b->y != y)) continue;
            if (b->x == x && b->y == y) {
                *on = 1;
                return 0;
            }
            if (below == next) {
                if (a->y == y && (a->x < x) != (b->x < x)) *on = 1;
            } else if (!(a->x > x && b->x > x)) {
                int side = a->x < x && b->x < x ? (below ? -1 : 1) : orientation(a->x, a->y, b->x, b->y, x, y);
                if (side == 0) *on = 1;
                else if (side < 0 && below) here--;
                else if (side > 0 && !below) here++;
            }
            if (*on) return 0;
            below = next;
        }
        turns += cell->turned[ring] ? -here : here;
    }
    return turns;
}

typedef struct {
    double west, south, across, up; /* squares a unit */
    int64_t side;
} Squares;

static int64_t square(double value, double low, double scale, int64_t side)
{
    double place = (value - low) * scale;
    return place < 0 ? 0 : place >= (double)side ? side - 1 : (int64_t)place;
}

/* What is known of a point so far. */
typedef struct {
    double x, y;
    int64_t number;
    int32_t lowest;
    uint16_t holders, touched;
} Seen;

static void look(const Outline *outline, int64_t first, int64_t last, int32_t cell, const double box[4], Seen *seen)
{
    int on = 0;
    if (seen->x < box[0] || seen->y < box[1] || seen->x > box[2] || seen->y > box[3]) return;
    int turns = turns_around(outline, first, last, seen->x, seen->y, &on);
    if (!on && !turns) return;
    if (!seen->touched || cell < seen->lowest) seen->lowest = cell;
    if (seen->touched < UINT16_MAX) seen->touched++;
    if (!on && seen->holders < UINT16_MAX - 2) seen->holders = (uint16_t)(seen->holders + (turns == 1 ? 1 : 2));
}

const char scan_cells_doc[] = "scan_cells(...) -> whether all coordinates are plain, whether points are left open; see gridgis.locate.scan";

/* Rings and points in, for each point the row of its cell, or why it has none. Points are sorted into squares, and each
 * cell looks at those in the squares of its box. */
PyObject *scan_cells(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer v[9];
    memset(v, 0, sizeof(v));
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*y*w*w*", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8])) return NULL;
    const Point *at = v[0].buf;
    const int64_t *start = v[1].buf;
    const unsigned char *hole = v[2].buf;
    const int32_t *cell = v[3].buf, *row_of = v[4].buf;
    const double *xs = v[5].buf, *ys = v[6].buf;
    int32_t *found = v[7].buf;
    uint8_t *border = v[8].buf;
    int64_t all = length_of(&v[0], sizeof(Point)), rings = length_of(&v[3], 4), cells = length_of(&v[4], 4), n = length_of(&v[5], 8);
    int bad = length_of(&v[1], 8) != rings + 1 || v[2].len != rings || length_of(&v[6], 8) != n || length_of(&v[7], 4) != n ||
              v[8].len != n || start[rings] != all;
    for (int64_t r = 0; !bad && r < rings; r++) bad = start[r + 1] <= start[r] || cell[r] < 1 || cell[r] > cells;
    if (bad) return refuse(v, 9, "scan_cells: the arrays do not fit together");
    int64_t side = 1, open = 0, plain = 1;
    while (side < 2048 && side * side < n) side *= 2;
    int64_t *first = calloc((size_t)(side * side) + 2, sizeof(int64_t));
    Seen *seen = malloc(sizeof(Seen) * ((size_t)n + 1));
    unsigned char *turned = malloc((size_t)rings + 1);
    int room = first && seen && turned;
    Py_BEGIN_ALLOW_THREADS
    if (room) {
        double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
        for (int64_t i = 0; i < all; i++) {
            plain &= in_range(at[i].x) & in_range(at[i].y);
            low[0] = at[i].x < low[0] ? at[i].x : low[0];
            low[1] = at[i].y < low[1] ? at[i].y : low[1];
            high[0] = at[i].x > high[0] ? at[i].x : high[0];
            high[1] = at[i].y > high[1] ? at[i].y : high[1];
        }
        Squares s = {low[0], low[1], high[0] > low[0] ? (double)side / (high[0] - low[0]) : 0.0,
                     high[1] > low[1] ? (double)side / (high[1] - low[1]) : 0.0, side};
        int64_t held = 0;
        for (int64_t i = 0; plain && i < n; i++) {
            int inside = xs[i] >= low[0] && xs[i] <= high[0] && ys[i] >= low[1] && ys[i] <= high[1];
            found[i] = inside || (xs[i] - xs[i] == 0 && ys[i] - ys[i] == 0) ? NOWHERE : NO_POINT;
            border[i] = 0;
            if (inside && !(in_range(xs[i]) && in_range(ys[i]))) {
                found[i] = OPEN;
                open = 1;
            }
            if (inside && found[i] != OPEN)
                first[square(ys[i], s.south, s.up, side) * side + square(xs[i], s.west, s.across, side) + 2]++;
        }
        for (int64_t i = 1; i <= side * side; i++) first[i + 1] += first[i];
        for (int64_t i = 0; plain && i < n; i++) {
            if (!(xs[i] >= low[0] && xs[i] <= high[0] && ys[i] >= low[1] && ys[i] <= high[1]) || found[i] == OPEN) continue;
            int64_t place = square(ys[i], s.south, s.up, side) * side + square(xs[i], s.west, s.across, side);
            seen[first[place + 1]++] = (Seen){xs[i], ys[i], i, 0, 0, 0};
            held++;
        }
        Outline outline = {at, start, turned};
        for (int64_t r = 0, next; plain && r < rings; r = next) {
            double box[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
            for (next = r; next < rings && cell[next] == cell[r]; next++)
                for (int64_t i = start[next]; i < start[next + 1]; i++) {
                    box[0] = at[i].x < box[0] ? at[i].x : box[0];
                    box[1] = at[i].y < box[1] ? at[i].y : box[1];
                    box[2] = at[i].x > box[2] ? at[i].x : box[2];
                    box[3] = at[i].y > box[3] ? at[i].y : box[3];
                }
            int64_t west = square(box[0], s.west, s.across, side), east = square(box[2], s.west, s.across, side), ready = 0;
            int64_t north = square(box[3], s.south, s.up, side);
            for (int64_t up = square(box[1], s.south, s.up, side); up <= north; up++) {
                int64_t from = first[up * side + west], to = first[up * side + east + 1];
                if (from < to && !ready) {
                    for (int64_t k = r; k < next; k++)
                        turned[k] = (unsigned char)is_turned(at + start[k], start[k + 1] - start[k], hole[k]);
                    ready = 1;
                }
                for (int64_t i = from; i < to; i++) look(&outline, r, next, cell[r], box, &seen[i]);
            }
        }
        for (int64_t i = 0; i < held; i++) {
            const Seen *p = &seen[i];
            if (!p->touched) continue;
            int clash = p->holders > 1 || (p->holders == 1 && p->touched > 1);
            found[p->number] = clash ? IN_CLASH : row_of[p->lowest - 1];
            border[p->number] = !clash && !p->holders;
        }
    }
    free(first);
    free(seen);
    free(turned);
    Py_END_ALLOW_THREADS
    release(v, 9);
    if (!room) return PyErr_NoMemory();
    return Py_BuildValue("ii", (int)plain, (int)open);
}
