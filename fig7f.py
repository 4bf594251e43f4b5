import timeit, numpy as np, symstack as ss
from symstack import tensor as T
def chain(n, kind):
    y=T.dvector('y'); z=y
    for k in range(n):
        z = (T.exp(-abs(z)) if k%2 else z*0.5) if kind=='exp' else (z+1.5 if k%2 else z*0.5)
    with ss.config.override(excluding='fuse:canonicalize:specialize'):
        return ss.function([y], z)
t=lambda f,v,n: min(timeit.repeat(lambda: [f(v) for _ in range(200)],number=1,repeat=n))/200*1e9
v=np.ones(1)
fs={(k,n):chain(n,k) for k in ('add','exp') for n in (2,102)}
print({k:len(f.plan.order) for k,f in fs.items()})
best={k:9e9 for k in fs}
for r in range(30):
    for k,f in fs.items(): best[k]=min(best[k],t(f,v,20))
for k in ('add','exp'):
    nodes=len(fs[k,102].plan.order)-len(fs[k,2].plan.order)
    print(k, best[k,102], best[k,2], (best[k,102]-best[k,2])/nodes,'ns a node')
ws=[ss.shared(np.zeros(10)) for _ in range(10)]
h=ss.function([],[],updates=[(w,w+1) for w in ws])
print('10 updates', min(min(timeit.repeat('h()',number=200,repeat=200,globals=globals())) for _ in range(30))/200*1e6,'us')
x,c=T.dscalar('x'),T.lscalar('c')
loop,_=ss.scan(lambda s: T.cos(s)+T.exp(-s*s), outputs_info=[x], n_steps=30_000_000)
f=ss.function([x,c], ss.ifelse(c>0, loop[-1], x))
g=ss.function([x,c], x+0*c, on_unused_input='ignore')
import time; s=time.perf_counter(); f(0.1,1); print('branch taken %.2f s'%(time.perf_counter()-s))
for n,q in (('not taken',f),('x + 0*c',g)):
    print(n, min(min(timeit.repeat(lambda: q(0.1,0),number=200,repeat=200)) for _ in range(10))/200*1e6,'us')
