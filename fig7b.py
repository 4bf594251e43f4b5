import time, numpy as np, symstack as ss
from symstack import tensor as T
def best(f,*a,n=20000,r=40):
    m=9e9
    for _ in range(r):
        t=time.perf_counter()
        for _ in range(n): f(*a)
        m=min(m,(time.perf_counter()-t)/n)
    return m*1e6
for size in (3,1,10):
    ws=[ss.shared(np.zeros(size)) for _ in range(10)]
    f=ss.function([],[],updates=[(w,w+1) for w in ws]); print(size,'10 updates', best(f), f.linked.machine.stats, f.linked.machine.direct)
    print(f.linked.placement()[:2])
