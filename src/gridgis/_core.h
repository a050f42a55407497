/* What the parts of the compiled core share. */
#ifndef GRIDGIS_CORE_H
#define GRIDGIS_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

/* _index.c: in which cell a point lies (gridgis.locate) */
PyObject *make_arcs(PyObject *self, PyObject *args);
PyObject *build_index(PyObject *self, PyObject *args);
PyObject *find_cells(PyObject *self, PyObject *args);
PyObject *scan_cells(PyObject *self, PyObject *args);
extern const char make_arcs_doc[], build_index_doc[], find_cells_doc[], scan_cells_doc[];

/* _pack.c: the numbers of a map, packed (gridgis.maps) */
PyObject *push_symbols(PyObject *self, PyObject *args);
PyObject *pull_symbols(PyObject *self, PyObject *args);
extern const char push_symbols_doc[], pull_symbols_doc[];

/* _flows.c: flows on hidden counts (gridgis.privacy) */
PyObject *flow_most(PyObject *self, PyObject *args);
PyObject *flow_cheapest(PyObject *self, PyObject *args);
extern const char flow_most_doc[], flow_cheapest_doc[];

#endif
