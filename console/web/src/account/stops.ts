import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { call } from '../api/client';
import { useMe } from './may';

// useStops is the kill switches that are on, such as "all" or "campaign/4". Operators
// alone may read them; for others it is empty.
export function useStops(): Set<string> {
  const operator = useMe()?.role === 'operator';
  const { data } = useQuery({
    queryKey: ['brakes'], enabled: operator, refetchInterval: 5_000,
    queryFn: async ({ signal }) => (await call('get', '/v1/brakes', { signal })).data.items ?? [],
  });
  return useMemo(() => new Set((data ?? []).filter((b) => b.on).map((b) => (b.scope === 'all' ? 'all' : `${b.scope}/${b.target ?? b.exchange}`))), [data]);
}
