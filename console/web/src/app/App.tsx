import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useState, useSyncExternalStore } from 'react';
import { createBrowserRouter, RouterProvider } from 'react-router';
import { askMe } from '../api/me';
import { Problem, SignedOut, Unreachable } from '../api/problem';
import { session } from '../api/session';
import { LanguageProvider } from '../i18n/language';
import { pages } from '../pages/registry';
import { Failure } from '../ui/Failure';
import { Toasts } from '../ui/Toast';
import { NotFound } from './NotFound';
import { Oops } from './Oops';
import { Shell } from './Shell';
import { SignInDialog, SignInPage } from './SignIn';

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What the server has refused it refuses again; a lost connection comes back.
      retry: (n, err) => n < 2 && (err instanceof Unreachable || (err instanceof Problem && err.status >= 500)),
      throwOnError: false,
    },
  },
});

const router = createBrowserRouter([{
  element: <Shell />,
  errorElement: <Oops />,
  children: [
    ...pages.map((p) => ({
      path: p.path,
      lazy: async () => ({ Component: (await p.load()).default }),
      errorElement: <Oops />,
      HydrateFallback: () => null,
    })),
    { path: '*', element: <NotFound /> },
  ],
}]);

const SharedPage = lazy(() => import('../pages/reports/SharedPage'));
// A link to a saved report is read without a sign-in.
const shared = /^\/shared\/([\w-]+)$/.exec(location.pathname)?.[1];

export function App() {
  return (
    <LanguageProvider>
      <QueryClientProvider client={client}>
        <Toasts>{shared ? <Suspense><SharedPage token={shared} /></Suspense> : <Door />}</Toasts>
      </QueryClientProvider>
    </LanguageProvider>
  );
}

// Door shows the sign-in until somebody has signed in; after that a session that
// ends opens a dialog over the page, which keeps what was typed.
function Door() {
  const { me, expired } = useSyncExternalStore(session.subscribe, session.get);
  const [asked, setAsked] = useState<'waiting' | 'done' | Error>('waiting');
  useEffect(() => {
    if (asked !== 'waiting') return;
    askMe().then(() => setAsked('done'), (err: unknown) => setAsked(err instanceof SignedOut ? 'done' : err as Error));
  }, [asked]);
  useEffect(() => {
    if (!me) client.clear(); // the next person sees nothing of this one's
  }, [me]);
  if (asked === 'waiting') return <div className="starting" aria-busy="true" />;
  if (asked instanceof Error) return <main className="starting"><Failure error={asked} retry={() => setAsked('waiting')} /></main>;
  if (!me) return <SignInPage />;
  return (
    <>
      <RouterProvider router={router} />
      {expired !== undefined && <SignInDialog reason={expired} />}
    </>
  );
}
