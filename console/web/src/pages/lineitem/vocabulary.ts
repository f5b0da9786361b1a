import { useQuery } from '@tanstack/react-query';
import { call } from '../../api/client';

export interface Vocabulary {
  exchanges: string[];
  tags: { path: string; name: string }[];
}

const NONE: Vocabulary = { exchanges: [], tags: [] };

// useVocabulary is what targeting may name; asked for where it is needed, once.
export function useVocabulary(needed = true): Vocabulary {
  const { data } = useQuery({
    queryKey: ['targeting-vocabulary'], staleTime: 300_000, enabled: needed,
    queryFn: async ({ signal }) => (await call('get', '/v1/targeting-vocabulary', { signal })).data,
  });
  return data ? { exchanges: data.exchanges ?? [], tags: data.tags ?? [] } : NONE;
}
