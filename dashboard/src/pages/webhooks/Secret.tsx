import { Button } from '@/ui/Button'
import { Copyable } from '@/ui/Copy'
import { Dialog } from '@/ui/Dialog'
import { useSpeech } from '@/words/language'

/** A secret, the one time that it is shown. */
export function Secret({
  title,
  secret,
  note,
  close,
}: {
  title: string
  secret: string
  note: string
  close: () => void
}) {
  const { t } = useSpeech()
  return (
    <Dialog title={title} close={close}>
      <p>{note}</p>
      <p className="secret">
        <Copyable text={secret} />
      </p>
      <div className="form-end">
        <Button kind="primary" onClick={close}>
          {t('I have kept it')}
        </Button>
      </div>
    </Dialog>
  )
}
