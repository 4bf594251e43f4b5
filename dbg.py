import tempfile, numpy as np
from benchmarks.contenders.symstack_ import Symstack
from benchmarks.workloads import WORKLOADS
from symcodegen.export import Library, export_c
from symcodegen.export.api import NATIVE
w=WORKLOADS['mlp_20_f32']
p=getattr(Symstack(w.dtype), w.kind)(w.make_data())
f,v=p.call.func,p.call.args
L=Library(export_c(f,tempfile.mkdtemp(),name='e'),*NATIVE)
sh={s.name:s for s in f.all_shared()}
print(L.exported.states)
for k,s in sh.items(): print(k, np.abs(L.value(k)-s.get_value()).max())
for i in range(3):
    a=L(*v)[0]; b=f(*v); print(a,b)
    for k,s in sh.items(): print(k, np.abs(L.value(k)-s.get_value()).max())
