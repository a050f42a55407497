/* The compiled kernels of the search for cells; each has a twin in NumPy with the same answers (divide/cuts.py,
 * divide/moves.py), so that a machine without a compiler gets the same grid.
 *
 * Everything is whole numbers: loads in households or persons, lengths and energies in millimetres, chance from a
 * counter. Arrays are C-contiguous int64 unless said otherwise. The callers own all arrays; sizes are checked here,
 * indexes were checked when the graph was made.
 */
#include "_core.h"
#include <stdlib.h>
#include <string.h>

#define MEASURES 4

typedef struct {
    int64_t measures, either, miss, out, off, plateau;
    const int64_t *low, *high, *target, *reach;
} Bands;

/* What a group of atoms costs that shall become so many cells. */
static int64_t group_energy(const Bands *bands, const int64_t *load, int64_t giants, int64_t cells)
{
    int64_t room = cells - giants, total = 0;
    for (int64_t i = 0; i < bands->measures; i++) {
        int64_t under = room * bands->low[i] - load[i], over = load[i] - room * bands->high[i];
        int64_t miss = under > over ? under : over, cost = 0;
        if (miss > 0) {
            if (miss > ((int64_t)1 << 30)) miss = (int64_t)1 << 30;
            cost = bands->miss + bands->out * miss / bands->target[i];
        }
        if (room > 0) {
            int64_t held = under > 0 ? room * bands->low[i] : over > 0 ? room * bands->high[i] : load[i];
            int64_t far = held - room * bands->target[i], most = bands->reach[i] * room;
            if (far < 0) far = -far;
            far = far >= 4 * most ? 4096 : far * 1024 / most;
            far = far > bands->plateau ? far - bands->plateau : 0;
            cost += (bands->off * room * ((far * far) >> 10)) >> 10;
        }
        if (!bands->either) total += cost;
        else if (i == 0 || cost < total) total = cost;
    }
    return total;
}

/* Chance without a state: the same number for the same seed, tree and edge. */
static uint64_t chance(uint64_t seed, uint64_t tree, uint64_t edge)
{
    uint64_t z = seed + 0x9E3779B97F4A7C15u * (tree * 0x100000001B3u + edge + 1);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Sort keys by their bits 22 to 53; they come in the order of the lower bits. */
static void sort_keys(uint64_t *keys, uint64_t *spare, int64_t n)
{
    int bits = n < 4096 ? 8 : 11;
    static const int top = 54;
    for (int shift = 22; shift < top; shift += bits) {
        size_t count[2049];
        size_t width = (size_t)1 << bits;
        memset(count, 0, sizeof(size_t) * (width + 1));
        for (int64_t i = 0; i < n; i++) count[((keys[i] >> shift) & (width - 1)) + 1]++;
        for (size_t d = 0; d < width; d++) count[d + 1] += count[d];
        for (int64_t i = 0; i < n; i++) spare[count[(keys[i] >> shift) & (width - 1)]++] = keys[i];
        memcpy(keys, spare, sizeof(uint64_t) * (size_t)n);
    }
}

static int64_t root_of(int64_t *group, int64_t a)
{
    while (group[a] != a) {
        group[a] = group[group[a]];
        a = group[a];
    }
    return a;
}

typedef struct {
    int64_t n, m;
    int64_t *left, *right, *cost, *bias;                         /* edges */
    int64_t *load, *giants, *size;                               /* nodes */
    uint64_t *keys, *spare;                                      /* edges */
    int64_t *group, *first, *next, *up, *depth, *order, *val;    /* nodes; next: two for each edge of the tree */
    int64_t *below, *giants_below, *size_below, *to;
} Scratch;

/* The lightest spanning tree, rooted in node 0: who is above whom, and an order from the root down. 0 if none. */
static int spanning_tree(Scratch *s, uint64_t seed, int64_t tree)
{
    int64_t n = s->n, m = s->m, kept = 0;
    for (int64_t e = 0; e < m; e++) {
        uint64_t weight = (chance(seed, (uint64_t)tree, (uint64_t)e) >> 34) + (uint64_t)s->bias[e];
        s->keys[e] = (weight << 22) | (uint64_t)e;
    }
    sort_keys(s->keys, s->spare, m);
    for (int64_t v = 0; v < n; v++) {
        s->group[v] = v;
        s->first[v] = -1;
    }
    for (int64_t i = 0; i < m && kept < n - 1; i++) {
        int64_t e = (int64_t)(s->keys[i] & 0x3FFFFF), a = s->left[e], b = s->right[e];
        int64_t one = root_of(s->group, a), two = root_of(s->group, b);
        if (one == two) continue;
        s->group[one] = two;
        s->to[2 * kept] = b;
        s->next[2 * kept] = s->first[a];
        s->first[a] = 2 * kept;
        s->to[2 * kept + 1] = a;
        s->next[2 * kept + 1] = s->first[b];
        s->first[b] = 2 * kept + 1;
        kept++;
    }
    if (kept < n - 1) return 0;
    int64_t seen = 1;
    s->order[0] = 0;
    s->up[0] = -1;
    s->depth[0] = 0;
    for (int64_t i = 0; i < seen; i++) {
        int64_t v = s->order[i];
        for (int64_t link = s->first[v]; link >= 0; link = s->next[link]) {
            int64_t w = s->to[link];
            if (w == s->up[v]) continue;
            s->up[w] = v;
            s->depth[w] = s->depth[v] + 1;
            s->order[seen++] = w;
        }
    }
    return 1;
}

/* What lies below each node, and the border that is opened when the tree is cut above it. */
static void sum_up(Scratch *s, int64_t measures)
{
    int64_t n = s->n;
    memcpy(s->below, s->load, sizeof(int64_t) * (size_t)(n * measures));
    memcpy(s->giants_below, s->giants, sizeof(int64_t) * (size_t)n);
    memcpy(s->size_below, s->size, sizeof(int64_t) * (size_t)n);
    memset(s->val, 0, sizeof(int64_t) * (size_t)n);
    for (int64_t e = 0; e < s->m; e++) {
        int64_t a = s->left[e], b = s->right[e], cost = s->cost[e];
        s->val[a] += cost;
        s->val[b] += cost;
        while (a != b) {
            if (s->depth[a] >= s->depth[b]) a = s->up[a];
            else b = s->up[b];
        }
        s->val[a] -= 2 * cost;
    }
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t v = s->order[i], w = s->up[v];
        for (int64_t k = 0; k < measures; k++) s->below[w * measures + k] += s->below[v * measures + k];
        s->giants_below[w] += s->giants_below[v];
        s->size_below[w] += s->size_below[v];
        s->val[w] += s->val[v];
    }
}

typedef struct {
    int64_t energy, cells, node;
} Cut;

/* The cheapest cut of one tree, if it is cheaper than the best so far. */
static void weigh_cuts(Scratch *s, const Bands *bands, const int64_t *allowed, int64_t many, int64_t quota,
                       int64_t lopsided, Cut *best)
{
    int64_t measures = bands->measures, all_giants = s->giants_below[0], all_size = s->size_below[0];
    int64_t room = quota - all_giants, rest[MEASURES];
    if (room < 0) room = 0;
    best->node = -1;
    for (int64_t v = 1; v < s->n; v++) {
        int64_t share = s->giants_below[v] + (all_size ? s->size_below[v] * room / all_size : room / 2);
        int64_t low = 0, high = many;
        while (low < high) {
            int64_t middle = (low + high) / 2;
            if (allowed[middle] <= share) low = middle + 1;
            else high = middle;
        }
        for (int64_t k = 0; k < measures; k++) rest[k] = s->below[k] - s->below[v * measures + k];
        for (int64_t pick = low - 1; pick <= low; pick++) {
            if (pick < 0 || pick >= many) continue;
            int64_t cells = allowed[pick];
            int64_t energy = s->val[v] + group_energy(bands, s->below + v * measures, s->giants_below[v], cells) +
                             group_energy(bands, rest, all_giants - s->giants_below[v], quota - cells);
            if (quota > 3 && (4 * cells < quota || 4 * cells > 3 * quota)) energy += lopsided;
            if (energy < best->energy) {
                best->energy = energy;
                best->cells = cells;
                best->node = v;
            }
        }
    }
}

/* Formats are flat: in a nested tuple PyArg_ParseTuple keeps too little room for the buffers it may have to release. */
#define VIEWS 18

static int64_t length_of(const Py_buffer *view) { return view->len / (int64_t)sizeof(int64_t); }

static void release(Py_buffer *views, int count)
{
    for (int i = 0; i < count; i++) PyBuffer_Release(&views[i]);
}

/* One piece of memory for all the arrays. */
static void *lay_out(Scratch *s, int64_t n, int64_t m, int64_t measures)
{
    size_t nodes = (size_t)n, edges = (size_t)(m ? m : 1);
    size_t words = nodes * (12 + 2 * (size_t)measures) + 4 * nodes + edges * 6;
    int64_t *p = malloc(sizeof(int64_t) * words);
    if (!p) return NULL;
    void *memory = p;
    int64_t **of_nodes[] = {&s->giants, &s->size, &s->group, &s->first, &s->up, &s->depth, &s->order, &s->val,
                            &s->giants_below, &s->size_below};
    for (size_t i = 0; i < sizeof(of_nodes) / sizeof(*of_nodes); i++, p += nodes) *of_nodes[i] = p;
    s->load = p;
    p += nodes * (size_t)measures;
    s->below = p;
    p += nodes * (size_t)measures;
    s->next = p;
    p += 2 * nodes;
    s->to = p;
    p += 2 * nodes;
    int64_t **of_edges[] = {&s->left, &s->right, &s->cost, &s->bias};
    for (size_t i = 0; i < 4; i++, p += edges) *of_edges[i] = p;
    s->keys = (uint64_t *)p;
    p += edges;
    s->spare = (uint64_t *)p;
    s->n = n;
    return memory;
}

/* Count the edges among some atoms; `place` says where each atom stands among them, -1 for the others. */
static int64_t edges_among(const int64_t *start, const int64_t *other, const int64_t *place, const int64_t *atoms,
                           int64_t n)
{
    int64_t m = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = start[atoms[i]]; j < start[atoms[i] + 1]; j++)
            m += other[j] > atoms[i] && place[other[j]] >= 0;
    return m;
}

PyDoc_STRVAR(best_cut_doc, "best_cut(...) -> (cells, energy, energy before) or None; see gridgis.divide.cuts");

static PyObject *best_cut(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer v[VIEWS];
    Bands bands;
    long long quota, trees, lopsided, quotas[2];
    unsigned long long seed;
    long long miss, out, off, plateau, either;
    memset(v, 0, sizeof(v));
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*y*y*w*y*y*y*y*y*y*LLLLLLLKLy*LLw*", &v[0], &v[1], &v[2], &v[3], &v[4],
                          &v[5], &v[6], &v[7], &v[8], &v[9], &v[10], &v[11], &v[12], &v[13], &v[14], &either, &miss,
                          &out, &off, &plateau, &quota, &trees, &seed, &lopsided, &v[15], &quotas[0], &quotas[1], &v[16]))
        return NULL;
    const int64_t *start = v[0].buf, *other = v[1].buf, *edge = v[2].buf, *cost = v[3].buf, *bias = v[4].buf;
    const int64_t *load = v[5].buf, *giants = v[6].buf, *size = v[7].buf, *atoms = v[9].buf, *allowed = v[10].buf;
    int64_t *place = v[8].buf;
    const unsigned char *before = v[15].buf;
    unsigned char *side = v[16].buf;
    int64_t n = length_of(&v[9]), many = length_of(&v[10]), all = length_of(&v[8]);
    bands = (Bands){length_of(&v[11]), either, miss, out, off, plateau, v[11].buf, v[12].buf, v[13].buf, v[14].buf};
    int64_t k = bands.measures;
    if (n < 2 || k < 1 || k > MEASURES || length_of(&v[0]) != all + 1 || length_of(&v[5]) != all * k ||
        length_of(&v[6]) != all || length_of(&v[7]) != all || v[16].len != n || length_of(&v[12]) != k ||
        length_of(&v[13]) != k || length_of(&v[14]) != k || (v[15].len && v[15].len != n) || length_of(&v[1]) != length_of(&v[2])) {
        release(v, 17);
        PyErr_SetString(PyExc_ValueError, "best_cut: the arrays do not fit together");
        return NULL;
    }
    Scratch s;
    void *memory = NULL;
    Cut best = {INT64_MAX, 0, -1};
    int64_t found = 0, energy_before = 0, m = 0, small = 0, ready = 0;
    Py_BEGIN_ALLOW_THREADS
    for (int64_t i = 0; i < n; i++) place[atoms[i]] = i;
    m = edges_among(start, other, place, atoms, n);
    small = m < ((int64_t)1 << 22);
    if (small) memory = lay_out(&s, n, m, k);
    if (memory) {
        s.m = m;
        m = 0;
        for (int64_t i = 0; i < n; i++) {
            int64_t a = atoms[i];
            for (int64_t j = start[a]; j < start[a + 1]; j++) {
                if (other[j] < a || place[other[j]] < 0) continue;
                s.left[m] = i;
                s.right[m] = place[other[j]];
                s.cost[m] = cost[edge[j]];
                s.bias[m++] = bias[edge[j]];
            }
            for (int64_t c = 0; c < k; c++) s.load[i * k + c] = load[a * k + c];
            s.giants[i] = giants[a];
            s.size[i] = size[a];
        }
    }
    for (int64_t i = 0; i < n; i++) place[atoms[i]] = -1;
    if (memory) {
        for (int64_t tree = 0; tree < trees; tree++) {
            if (!spanning_tree(&s, seed, tree)) break;
            Cut here = best;
            sum_up(&s, k);
            weigh_cuts(&s, &bands, allowed, many, quota, lopsided, &here);
            if (here.node < 0) continue;
            found = 1;
            best = here;
            memset(side, 0, (size_t)n);
            side[best.node] = 1;
            for (int64_t i = 1; i < n; i++)
                if (side[s.up[s.order[i]]]) side[s.order[i]] = 1;
        }
        if (v[15].len) {
            int64_t loads[2][MEASURES] = {{0}, {0}}, heavy[2] = {0, 0};
            for (int64_t i = 0; i < n; i++) {
                for (int64_t c = 0; c < k; c++) loads[before[i]][c] += s.load[i * k + c];
                heavy[before[i]] += s.giants[i];
            }
            for (int64_t e = 0; e < s.m; e++) energy_before += before[s.left[e]] != before[s.right[e]] ? s.cost[e] : 0;
            for (int i = 0; i < 2; i++) energy_before += group_energy(&bands, loads[i], heavy[i], quotas[i]);
        }
    }
    ready = memory != NULL;
    free(memory);
    Py_END_ALLOW_THREADS
    release(v, 17);
    if (!ready) {
        if (small) return PyErr_NoMemory();
        PyErr_SetString(PyExc_ValueError, "best_cut: more than 4,194,303 borders");
        return NULL;
    }
    if (!found) Py_RETURN_NONE;
    return Py_BuildValue("LLL", (long long)best.cells, (long long)best.energy, (long long)energy_before);
}

typedef struct {
    const int64_t *start, *other, *edge, *cost, *load, *giants, *anchor, *stay, *quota;
    int64_t *labels, *cell_load, *cell_giants, *count;
    int64_t *seen, *stack, *border, *cells, stamp;
    int64_t measures;
} Moves;

/* Does the cell of an atom hang together without it? */
static int stays_connected(Moves *s, int64_t atom)
{
    int64_t home = s->labels[atom], wanted = 0, depth = 0, stamp = s->stamp += 2;
    for (int64_t j = s->start[atom]; j < s->start[atom + 1]; j++) {
        int64_t w = s->other[j];
        if (s->labels[w] == home && s->seen[w] != stamp) {
            s->seen[w] = stamp; /* to be reached */
            wanted++;
        }
    }
    if (!wanted) return 0;
    for (int64_t j = s->start[atom]; j < s->start[atom + 1]; j++)
        if (s->labels[s->other[j]] == home) {
            s->stack[depth++] = s->other[j];
            s->seen[s->other[j]] = stamp + 1; /* reached */
            break;
        }
    s->seen[atom] = stamp + 1;
    while (depth) {
        int64_t v = s->stack[--depth];
        for (int64_t j = s->start[v]; j < s->start[v + 1]; j++) {
            int64_t w = s->other[j];
            if (s->labels[w] != home || s->seen[w] == stamp + 1) continue;
            if (s->seen[w] == stamp && --wanted == 1) return 1;
            s->seen[w] = stamp + 1;
            s->stack[depth++] = w;
        }
        if (wanted == 1) return 1;
    }
    return wanted == 1;
}

/* The cell to which an atom had best go, -1 if it is best where it is. */
static int64_t best_target(Moves *s, const Bands *bands, int64_t atom)
{
    int64_t home = s->labels[atom], many = 0, at_home = 0, target = -1, most = 0, k = s->measures;
    for (int64_t j = s->start[atom]; j < s->start[atom + 1]; j++) {
        int64_t cell = s->labels[s->other[j]], cost = s->cost[s->edge[j]];
        if (cell == home) {
            at_home += cost;
            continue;
        }
        int64_t i = 0;
        while (i < many && s->cells[i] != cell) i++;
        if (i == many) {
            s->cells[many] = cell;
            s->border[many++] = 0;
        }
        s->border[i] += cost;
    }
    if (!many) return -1;
    int64_t less[MEASURES], more[MEASURES], giant = s->giants[atom];
    for (int64_t c = 0; c < k; c++) less[c] = s->cell_load[home * k + c] - s->load[atom * k + c];
    int64_t left = group_energy(bands, s->cell_load + home * k, s->cell_giants[home], s->quota[home]) -
                   group_energy(bands, less, s->cell_giants[home] - giant, s->quota[home]);
    if (s->anchor[atom] == home) left -= s->stay[atom];
    for (int64_t i = 0; i < many; i++) {
        int64_t cell = s->cells[i];
        for (int64_t c = 0; c < k; c++) more[c] = s->cell_load[cell * k + c] + s->load[atom * k + c];
        int64_t gain = left + group_energy(bands, s->cell_load + cell * k, s->cell_giants[cell], s->quota[cell]) -
                       group_energy(bands, more, s->cell_giants[cell] + giant, s->quota[cell]) + s->border[i] - at_home;
        if (s->anchor[atom] == cell) gain += s->stay[atom];
        if (gain > most || (gain == most && gain > 0 && cell < target)) {
            most = gain;
            target = cell;
        }
    }
    return target;
}

PyDoc_STRVAR(move_atoms_doc, "move_atoms(...) -> atoms moved; see gridgis.divide.moves");

static PyObject *move_atoms(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer v[VIEWS];
    long long rounds, miss, out, off, plateau, either;
    memset(v, 0, sizeof(v));
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*y*y*w*y*w*w*w*y*y*y*y*y*LLLLLL", &v[0], &v[1], &v[2], &v[3], &v[4],
                          &v[5], &v[6], &v[7], &v[8], &v[9], &v[10], &v[11], &v[12], &v[13], &v[14], &v[15], &v[16],
                          &v[17], &either, &miss, &out, &off, &plateau, &rounds))
        return NULL;
    Moves s = {v[0].buf, v[1].buf, v[2].buf,  v[3].buf,  v[4].buf,  v[5].buf, v[6].buf, v[7].buf, v[9].buf, v[8].buf,
               v[10].buf, v[11].buf, v[12].buf, NULL, NULL, NULL, NULL, 0, length_of(&v[14])};
    Bands bands = {s.measures, either, miss, out, off, plateau, v[14].buf, v[15].buf, v[16].buf, v[17].buf};
    int64_t n = length_of(&v[8]), cells = length_of(&v[9]), k = s.measures, moved = 0, bad = 0;
    bad = length_of(&v[0]) != n + 1 || k < 1 || k > MEASURES || length_of(&v[4]) != n * k || length_of(&v[5]) != n ||
          length_of(&v[6]) != n || length_of(&v[7]) != n || length_of(&v[10]) != cells * k ||
          length_of(&v[11]) != cells || length_of(&v[12]) != cells || length_of(&v[15]) != k || length_of(&v[16]) != k || length_of(&v[17]) != k ||
          length_of(&v[1]) != length_of(&v[2]);
    for (int64_t i = 0; !bad && i < n; i++) bad = s.labels[i] < 0 || s.labels[i] >= cells;
    for (int64_t i = 0; !bad && i < length_of(&v[13]); i++)
        bad = ((int64_t *)v[13].buf)[i] < 0 || ((int64_t *)v[13].buf)[i] >= n;
    if (bad) {
        release(v, 18);
        PyErr_SetString(PyExc_ValueError, "move_atoms: the arrays do not fit together");
        return NULL;
    }
    char *active = calloc((size_t)n + 1, 1), *later = calloc((size_t)n + 1, 1);
    s.seen = calloc((size_t)n + 1, sizeof(int64_t));
    s.stack = malloc(sizeof(int64_t) * ((size_t)n + 1));
    s.border = malloc(sizeof(int64_t) * ((size_t)n + 1));
    s.cells = malloc(sizeof(int64_t) * ((size_t)n + 1));
    int room = active && later && s.seen && s.stack && s.border && s.cells;
    Py_BEGIN_ALLOW_THREADS
    if (room) {
        for (int64_t i = 0; i < length_of(&v[13]); i++) active[((const int64_t *)v[13].buf)[i]] = 1;
        for (int64_t round = 0; round < rounds; round++) {
            int64_t here = 0;
            memset(later, 0, (size_t)n);
            for (int64_t atom = 0; atom < n; atom++) {
                int64_t home = s.labels[atom];
                if (!active[atom] || s.count[home] == 1) continue;
                int64_t target = best_target(&s, &bands, atom);
                if (target < 0 || !stays_connected(&s, atom)) continue;
                s.labels[atom] = target;
                for (int64_t c = 0; c < k; c++) {
                    s.cell_load[home * k + c] -= s.load[atom * k + c];
                    s.cell_load[target * k + c] += s.load[atom * k + c];
                }
                s.cell_giants[home] -= s.giants[atom];
                s.cell_giants[target] += s.giants[atom];
                s.count[home]--;
                s.count[target]++;
                here++;
                later[atom] = 1;
                for (int64_t j = s.start[atom]; j < s.start[atom + 1]; j++) later[s.other[j]] = 1;
            }
            moved += here;
            if (!here) break;
            char *swap = active;
            active = later;
            later = swap;
        }
    }
    free(active);
    free(later);
    free(s.seen);
    free(s.stack);
    free(s.border);
    free(s.cells);
    Py_END_ALLOW_THREADS
    release(v, 18);
    if (!room) return PyErr_NoMemory();
    return PyLong_FromLongLong(moved);
}

static PyMethodDef methods[] = {
    {"best_cut", best_cut, METH_VARARGS, best_cut_doc},
    {"move_atoms", move_atoms, METH_VARARGS, move_atoms_doc},
    {"make_arcs", make_arcs, METH_VARARGS, make_arcs_doc},
    {"build_index", build_index, METH_VARARGS, build_index_doc},
    {"find_cells", find_cells, METH_VARARGS, find_cells_doc},
    {"scan_cells", scan_cells, METH_VARARGS, scan_cells_doc},
    {"push_symbols", push_symbols, METH_VARARGS, push_symbols_doc},
    {"pull_symbols", pull_symbols, METH_VARARGS, pull_symbols_doc},
    {"flow_most", flow_most, METH_VARARGS, flow_most_doc},
    {"flow_cheapest", flow_cheapest, METH_VARARGS, flow_cheapest_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_core", "Compiled kernels; each has a twin in NumPy with the same answers.", 0, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&module); }
