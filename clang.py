import sys, tempfile, numpy as np
from benchmarks.contenders.symstack_ import Symstack
from benchmarks.workloads import WORKLOADS
from symcodegen.export import Library, export_c
from symcodegen.export.api import NATIVE
for name in sys.argv[1:]:
  w=WORKLOADS[name]
  p=getattr(Symstack(w.dtype), w.kind)(w.make_data())
  f,v=p.call.func,p.call.args
  e=export_c(f,tempfile.mkdtemp(),name='e')
  for cc in ('gcc','clang'):
    L=Library(e,*NATIVE,'-Wall','-Wextra','-Werror',cc=cc)
    got=L(*v)
    if cc=='gcc': want=f(*v); want=want if isinstance(want,list) else [want]
    print(name,cc,[float(abs(a-b).max()/abs(b).max()) for a,b in zip(got,want)])
    L.close()
