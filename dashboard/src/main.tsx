import '@fontsource-variable/geist/wght.css'
import '@fontsource-variable/geist-mono/wght.css'
import './styles/tokens.css'
import './styles/base.css'
import './styles/shell.css'
import './styles/parts.css'
import './styles/forms.css'
import './styles/pages.css'

import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Router } from 'wouter'
import { ApiError } from './api/error'
import { isWorthRetrying } from './api/queries'
import { App } from './shell/App'
import { ToastProvider } from './ui/Toasts'
import { LanguageProvider } from './words/language'

const queries = new QueryClient({
  queryCache: new QueryCache({
    // A session that ended anywhere ended everywhere.
    onError: (error) => {
      if (error instanceof ApiError && error.isSignedOut) queries.setQueryData(['session'], null)
    },
  }),
  defaultOptions: { queries: { retry: isWorthRetrying, staleTime: 5_000 } },
})

const root = document.getElementById('root')
if (!root) throw new Error('the page has no root')

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <LanguageProvider>
        <ToastProvider>
          <Router base="/dashboard">
            <App />
          </Router>
        </ToastProvider>
      </LanguageProvider>
    </QueryClientProvider>
  </StrictMode>,
)
