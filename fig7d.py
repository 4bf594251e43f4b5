import sys, numpy as np, symstack as ss
ws=[ss.shared(np.zeros(3)) for _ in range(10)]
h=ss.function([],[],updates=[(w,w+1) for w in ws])
n=int(sys.argv[1])
for _ in range(n): h()
