/* Flows on the hidden counts of a table (gridgis/privacy/flows.py, where the twins are).
 *
 * A network is given by the counts beside each sum: `first` (sums + 1), `beside` (2 * count + 1 if it flows from here)
 * and `other` (the sum at its other side). A count is open if its price is none. All arrays are C-contiguous, made by
 * the callers of one network; their sizes are checked here.
 */
#include "_core.h"
#include <math.h>
#include <string.h>

#define FREE 1e-9
#define SECTIONS 8

typedef struct {
    const int64_t *first, *beside, *other, *tail, *head;
    const double *rise, *fall, *price;
    int64_t *work, *out;
    double *flow, *amount;
    int64_t sums, counts, edge, touched;
} net;

static PyObject *let_go(Py_buffer *views, int many, const char *sentence)
{
    for (int i = 0; i < many; i++)
        if (views[i].obj) PyBuffer_Release(&views[i]);
    if (!sentence) return NULL;
    PyErr_SetString(PyExc_ValueError, sentence);
    return NULL;
}

/* first beside other tail head rise fall price work out amount flow */
static const char *laid_out(net *n, Py_buffer *v)
{
    n->first = v[0].buf, n->beside = v[1].buf, n->other = v[2].buf, n->tail = v[3].buf, n->head = v[4].buf;
    n->rise = v[5].buf, n->fall = v[6].buf, n->price = v[7].buf;
    n->work = v[8].buf, n->out = v[9].buf, n->amount = v[10].buf, n->flow = v[11].buf;
    n->sums = v[0].len / 8 - 1, n->counts = v[3].len / 8;
    for (int i = 4; i < 12; i++)
        if (i != 8 && v[i].len / 8 != n->counts) return "flows: the arrays do not fit together";
    if (n->sums < 1 || v[2].len != v[1].len || v[8].len / 8 != 1 + SECTIONS * n->sums || n->edge < 0 || n->edge >= n->counts)
        return "flows: the arrays do not fit together";
    if (n->first[0] != 0 || n->first[n->sums] != v[1].len / 8) return "flows: the sums do not fit to the counts";
    return NULL;
}

static inline double room(const net *n, int64_t edge, int rises)
{
    return rises ? n->rise[edge] - n->flow[edge] : n->fall[edge] + n->flow[edge];
}

/* A shortest way on open counts, from both ends; the steps go to `steps` as 2 * count + 1 if it rises. */
static int64_t augment(net *n, int64_t start, int64_t goal, double *most, int64_t *steps)
{
    int64_t size = n->sums, stamp = ++n->work[0], made[2] = {1, 1}, done[2] = {0, 0};
    int64_t *mark[2], *came[2], *from[2], *queue[2];
    for (int side = 0; side < 2; side++) {
        mark[side] = n->work + 1 + side * size;
        came[side] = n->work + 1 + (2 + side) * size;
        from[side] = n->work + 1 + (4 + side) * size;
        queue[side] = n->work + 1 + (6 + side) * size;
    }
    mark[0][start] = mark[1][goal] = stamp;
    came[0][start] = came[1][goal] = -1;
    queue[0][0] = start, queue[1][0] = goal;
    while (done[0] < made[0] && done[1] < made[1]) {
        int side = made[0] - done[0] <= made[1] - done[1] ? 0 : 1;
        int64_t end = made[side];
        for (; done[side] < end; done[side]++) {
            int64_t node = queue[side][done[side]];
            for (int64_t i = n->first[node]; i < n->first[node + 1]; i++) {
                int64_t next = n->beside[i] >> 1, leaves = n->beside[i] & 1, other = n->other[i];
                if (mark[side][other] == stamp || n->price[next] >= FREE || next == n->edge) continue;
                int forward = leaves == (side == 0);
                if (room(n, next, forward) <= FREE) continue;
                mark[side][other] = stamp;
                came[side][other] = 2 * next + forward;
                from[side][other] = node;
                if (mark[1 - side][other] == stamp) {
                    int64_t many = 0;
                    for (int s = 0; s < 2; s++)
                        for (int64_t at = other; came[s][at] >= 0; at = from[s][at]) {
                            int64_t step = came[s][at];
                            double fits = room(n, step >> 1, (int)(step & 1));
                            if (fits < *most) *most = fits;
                            steps[many++] = step;
                        }
                    return many;
                }
                queue[side][made[side]++] = other;
            }
        }
    }
    return -1;
}

const char flow_most_doc[] = "flow_most(network of 12 arrays, edge, enough, rises) -> number of counts changed; see gridgis.privacy.flows";

PyObject *flow_most(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer v[12];
    net n;
    double enough;
    int rises;
    long long edge;
    memset(v, 0, sizeof(v));
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*y*y*w*w*w*w*Ldp", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8],
                          &v[9], &v[10], &v[11], &edge, &enough, &rises))
        return NULL;
    n.edge = edge;
    n.touched = 0;
    const char *wrong = laid_out(&n, v);
    if (wrong) return let_go(v, 12, wrong);
    int64_t *steps = PyMem_Malloc(sizeof(int64_t) * (size_t)(2 * n.sums + 2));
    if (!steps) {
        let_go(v, 12, NULL);
        return PyErr_NoMemory();
    }
    int64_t start = rises ? n.head[edge] : n.tail[edge], goal = rises ? n.tail[edge] : n.head[edge];
    Py_BEGIN_ALLOW_THREADS
    for (;;) {
        double left = enough - fabs(n.flow[edge]);
        if (left <= FREE) break;
        double own = room(&n, edge, rises);
        if (own < left) left = own;
        if (left <= FREE) break;
        int64_t many = augment(&n, start, goal, &left, steps);
        if (many < 0 || left <= FREE) break;
        steps[many++] = 2 * edge + (rises ? 1 : 0);
        for (int64_t i = 0; i < many; i++) {
            int64_t step = steps[i] >> 1;
            if (n.flow[step] == 0.0) {
                int known = 0; /* one that went back to 0 stands in the list already */
                for (int64_t j = 0; j < n.touched && !known; j++) known = n.out[j] == step;
                if (!known) n.out[n.touched++] = step;
            }
            n.flow[step] += steps[i] & 1 ? left : -left;
        }
    }
    for (int64_t i = 0; i < n.touched; i++) {
        n.amount[i] = n.flow[n.out[i]];
        n.flow[n.out[i]] = 0.0;
    }
    Py_END_ALLOW_THREADS
    PyMem_Free(steps);
    let_go(v, 12, NULL);
    return PyLong_FromLongLong((long long)n.touched);
}

typedef struct {
    double cost;
    int64_t node;
} entry;

static inline int before(entry a, entry b) { return a.cost < b.cost || (a.cost == b.cost && a.node < b.node); }

static void push(entry *heap, int64_t *size, entry new)
{
    int64_t at = (*size)++;
    while (at && before(new, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = new;
}

static entry pop(entry *heap, int64_t *size)
{
    entry top = heap[0], last = heap[--(*size)];
    int64_t at = 0;
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= *size) break;
        if (child + 1 < *size && before(heap[child + 1], heap[child])) child++;
        if (!before(heap[child], last)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

const char flow_cheapest_doc[] = "flow_cheapest(network of 12 arrays, edge, rise, fall, limit) -> number of counts in the cycle, -1 if there "
                                 "is none; its price stands in amount[0]; see gridgis.privacy.flows";

PyObject *flow_cheapest(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer v[12];
    net n;
    double rise, fall, limit;
    long long edge;
    int64_t many = -1, waiting = 0;
    memset(v, 0, sizeof(v));
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*y*y*w*w*w*w*Lddd", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8],
                          &v[9], &v[10], &v[11], &edge, &rise, &fall, &limit))
        return NULL;
    n.edge = edge;
    const char *wrong = laid_out(&n, v);
    if (wrong) return let_go(v, 12, wrong);
    double *best = PyMem_Malloc(sizeof(double) * (size_t)n.sums);
    entry *heap = PyMem_Malloc(sizeof(entry) * (size_t)(v[1].len / 8 + 1));
    if (!best || !heap) {
        PyMem_Free(best);
        PyMem_Free(heap);
        let_go(v, 12, NULL);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS
    int64_t start = n.head[edge], goal = n.tail[edge], size = n.sums, stamp = ++n.work[0];
    int64_t *mark = n.work + 1, *came = n.work + 1 + 2 * size, *from = n.work + 1 + 4 * size;
    mark[start] = stamp, came[start] = -1, best[start] = 0.0;
    push(heap, &waiting, (entry){0.0, start});
    while (waiting) {
        entry now = pop(heap, &waiting);
        if (now.cost > best[now.node]) continue;
        if (now.node == goal) {
            many = 0;
            n.out[many++] = 2 * edge + 1;
            for (int64_t at = goal; came[at] >= 0; at = from[at]) n.out[many++] = came[at];
            n.amount[0] = now.cost;
            break;
        }
        for (int64_t i = n.first[now.node]; i < n.first[now.node + 1]; i++) {
            int64_t next = n.beside[i] >> 1, forward = n.beside[i] & 1, other = n.other[i];
            double total = now.cost + n.price[next];
            if (total >= limit || next == edge || n.fall[next] < (forward ? fall : rise)) continue;
            if (mark[other] != stamp || total < best[other]) {
                mark[other] = stamp, best[other] = total, came[other] = 2 * next + forward, from[other] = now.node;
                push(heap, &waiting, (entry){total, other});
            }
        }
    }
    Py_END_ALLOW_THREADS
    PyMem_Free(best);
    PyMem_Free(heap);
    let_go(v, 12, NULL);
    return PyLong_FromLongLong((long long)many);
}
