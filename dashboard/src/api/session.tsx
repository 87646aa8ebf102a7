import { useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, useContext, useMemo, type ReactNode } from 'react'
import { Client, type Scope } from './client'
import { ApiError } from './error'
import type { Session } from './objects'

const SESSION_KEY = ['session'] as const

/** Who is signed in; null when nobody is. */
export function useSessionQuery() {
  return useQuery({
    queryKey: SESSION_KEY,
    queryFn: async () => {
      try {
        return await new Client().get('/v1/dashboard/session', {})
      } catch (error) {
        if (error instanceof ApiError && error.isSignedOut) return null
        throw error
      }
    },
    staleTime: Infinity,
    retry: 1,
  })
}

/** Sets who is signed in, and forgets all that the one before could see. */
export function useSessionChange(): (session: Session | null) => void {
  const queries = useQueryClient()
  return (session) => {
    queries.removeQueries({ predicate: (query) => query.queryKey[0] !== SESSION_KEY[0] })
    queries.setQueryData(SESSION_KEY, session)
  }
}

/** What everything behind the sign-in works with. */
export interface Desk {
  readonly session: Session
  readonly scope: Scope
  readonly client: Client
  /** Whether the member may change things. */
  readonly isAdmin: boolean
  /** Whether they may say who is a member, and which accounts there are. */
  readonly isManager: boolean
}

const DeskContext = createContext<Desk | null>(null)

export function DeskProvider(props: { session: Session; scope: Scope; children: ReactNode }) {
  const { session, children } = props
  const { account, mode } = props.scope
  const desk = useMemo<Desk>(() => {
    const scope = { account, mode }
    const { role, accounts } = session.member
    return {
      session,
      scope,
      client: new Client(scope, session.csrf_token),
      isAdmin: role === 'admin',
      isManager: role === 'admin' && accounts === null,
    }
  }, [session, account, mode])
  return <DeskContext value={desk}>{children}</DeskContext>
}

export function useDesk(): Desk {
  const desk = useContext(DeskContext)
  if (!desk) throw new Error('no DeskProvider around this')
  return desk
}
