using Metering.Client;
using Metering.Events;
using Metering.Gateway.Admission;
using Metering.Gateway.Usage;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Exchanges;

/// <summary>
/// Makes exactly one event of every exchange: opened in the journal before it is forwarded (R4), closed with its event once,
/// however it ends. Its permit is settled with the same figures.
/// </summary>
internal sealed class ExchangeBook(IRequestJournal journal, ActiveExchanges active, TokenCounter counter, GatewayMetrics metrics, FormerGateways? former, ILogger log)
{
    /// <summary>Writes the exchange down before it is forwarded.</summary>
    /// <returns>Null, or why it could not be: then it must not be forwarded, and has ended.</returns>
    public async ValueTask<string?> OpenAsync(Exchange exchange)
    {
        var draft = exchange.Event;
        draft.Status = Status.Cut;
        draft.TokensEstimated = true;
        draft.InputTokens = exchange.Request!.Prompt.GuessedTokens;
        var permit = exchange.Permit!;
        permit.AddPaid(null, draft.PaidBy);
        var opened = await journal.OpenAsync(draft, new RequestReservation(permit.ReservedInputTokens, permit.ReservedOutputTokens));
        if (!opened.Accepted)
        {
            exchange.TryEnd();
            permit.Settle(Nothing);
            metrics.NotJournaled();
            GatewayLog.NotJournaled(log, opened.Reason!);
            return opened.Reason;
        }
        exchange.JournalNumber = opened.Request;
        active.Add(exchange);
        return null;
    }

    /// <summary>The exchange ends before it was forwarded.</summary>
    public void Reject(Exchange exchange)
    {
        if (!exchange.TryEnd())
            return;
        exchange.Permit?.Settle(Nothing);
        var rejected = exchange.Event;
        exchange.Permit?.AddPaid(Nothing, rejected.PaidBy);
        rejected.Status = Status.Rejected;
        rejected.DurationUs = exchange.DurationUs;
        Told(journal.Publish(rejected), rejected);
        exchange.Dispose();
    }

    /// <summary>Ends an exchange in which something impossible has happened, wherever it stood.</summary>
    public void GiveUp(Exchange exchange)
    {
        if (exchange.JournalNumber == 0)
            Reject(exchange);
        else
            End(exchange, new ExchangeEnd { Status = ChatStatus.Of(exchange.Reason), WasServed = true });
    }

    /// <summary>A forwarded exchange ends. Where the host has not said what it cost, that is counted on another thread.</summary>
    public void End(Exchange exchange, ExchangeEnd end)
    {
        if (!exchange.TryEnd())
        {
            end.Text?.Dispose();
            return;
        }
        exchange.Heard();
        var finished = exchange.Event;
        finished.Status = end.Status;
        finished.ServedModel = end.ServedModel is { Length: > 0 } served && Requests.RequestTags.Fits(served, EventLimits.MaxNameBytes) ? served : "";
        finished.TtftUs = exchange.TtftUs;
        finished.DurationUs = exchange.DurationUs;
        if (!end.WasServed || (end.Usage is not null && end.UsageIsFinal))
            Close(exchange, end, finished, end.Usage ?? default, isEstimated: false);
        else
            ThreadPool.UnsafeQueueUserWorkItem(static work => work.Book.CountAndClose(work.Exchange, work.End, work.Finished), (Book: this, Exchange: exchange, End: end, Finished: finished), preferLocal: false);
    }

    private void CountAndClose(Exchange exchange, ExchangeEnd end, TokenEvent finished)
    {
        UsageReport usage;
        try
        {
            usage = Count(exchange, end);
        }
        catch (Exception e)
        {
            // A thread's top: whatever it was, the request has its event.
            GatewayLog.NotCounted(log, exchange.RequestId, e);
            usage = new UsageReport(exchange.Request!.Prompt.GuessedTokens, 0, Math.Max(end.LeastOutputTokens, end.TextBytes / 4), 0);
        }
        Close(exchange, end, finished, usage, isEstimated: true);
    }

    private UsageReport Count(Exchange exchange, ExchangeEnd end)
    {
        var output = Math.Max(end.LeastOutputTokens, counter.Count(end.Text is null ? default : end.Text.Span, end.TextBytes));
        if (end.Usage is { } reported)
            return reported with { OutputTokens = Math.Max(reported.OutputTokens, output) };
        var messages = exchange.MessagesPlace;
        var input = exchange.Body is { } body && messages.IsThere && messages.End <= body.Length
            ? counter.CountPrompt(body.Span[messages.Start..messages.End], exchange.Request!.Prompt)
            : exchange.Request!.Prompt.GuessedTokens;
        return new UsageReport(input, 0, output, 0);
    }

    private void Close(Exchange exchange, ExchangeEnd end, TokenEvent finished, in UsageReport usage, bool isEstimated)
    {
        finished.InputTokens = usage.InputTokens;
        finished.CachedInputTokens = usage.CachedInputTokens;
        finished.OutputTokens = usage.OutputTokens;
        finished.ReasoningTokens = usage.ReasoningTokens;
        finished.TokensEstimated = isEstimated;
        var used = new ActualUsage
        {
            InputTokens = usage.InputTokens,
            CachedInputTokens = usage.CachedInputTokens,
            OutputTokens = usage.OutputTokens,
            ReasoningTokens = usage.ReasoningTokens,
            IsEstimated = isEstimated,
            WasServed = end.WasServed,
        };
        try
        {
            finished.PaidBy.Clear(); // the draft's: all that was reserved
            exchange.Permit!.AddPaid(used, finished.PaidBy);
            finished.EndedGateway = former?.Next;
            Told(journal.Close(exchange.JournalNumber, finished), finished);
            exchange.Permit!.Settle(used);
        }
        finally
        {
            end.Text?.Dispose();
            active.Remove(exchange);
            exchange.Dispose();
        }
    }

    private void Told(PublishResult result, TokenEvent told)
    {
        metrics.Ended(told);
        if (result.Accepted)
        {
            if (told.EndedGateway is { } ended)
                former!.Told(ended);
            return;
        }
        metrics.NotJournaled();
        GatewayLog.EventRefused(log, told.RequestId, result.Status, result.Reason);
    }

    private static readonly ActualUsage Nothing = new() { InputTokens = 0, CachedInputTokens = 0, OutputTokens = 0, ReasoningTokens = 0, IsEstimated = false, WasServed = false };
}
