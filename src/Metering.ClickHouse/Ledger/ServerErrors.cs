using System.Globalization;
using System.Net;
using System.Security.Authentication;
using ClickHouse.Driver;

namespace Metering.ClickHouse.Ledger;

/// <summary>
/// What a server or the network to it says went wrong, as <see cref="LedgerException"/>. It stands between the driver and
/// the socket because the driver's exception keeps neither the status nor the header with the code: a proxy's 502 and a
/// wrong statement would look the same.
/// </summary>
internal sealed class ServerErrors(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    private const string CodeHeader = "X-ClickHouse-Exception-Code";
    private const int MaxTextChars = 16 << 10;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
            throw await OfAsync(response, cancellationToken);
    }

    /// <summary>Runs an exchange with the server; whatever fails in it becomes a LedgerException, cancellation stays one.</summary>
    public static async Task<T> GuardAsync<T>(Func<Task<T>> exchange, CancellationToken cancellationToken)
    {
        try
        {
            return await exchange();
        }
        catch (ClickHouseServerException error) // in the middle of a result
        {
            throw ClickHouseErrors.FromText(error.Message, error);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            if (error.InnerException is LedgerException refused)
                throw refused;
            // A certificate that is refused stays refused; all else of a network may be over in a moment.
            throw new LedgerException("ClickHouse is not reachable: " + Innermost(error).Message, 0, error.InnerException is not AuthenticationException, error);
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw new LedgerException("ClickHouse did not answer in time", 0, isTransient: true, error);
        }
    }

    private static async Task<LedgerException> OfAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var text = (await response.Content.ReadAsStringAsync(cancellationToken)).Trim();
        if (text.Length > MaxTextChars)
            text = text[..MaxTextChars];
        var code = response.Headers.TryGetValues(CodeHeader, out var values) && int.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var said)
            ? said
            : ClickHouseErrors.ParseCode(text);
        return code != 0
            ? new LedgerException(text.Length > 0 ? text : string.Create(CultureInfo.InvariantCulture, $"Code: {code}."), code, ClickHouseErrors.IsTransient(code))
            : new LedgerException(string.Create(CultureInfo.InvariantCulture, $"HTTP {(int)response.StatusCode} {response.ReasonPhrase}: {text}"), 0, IsTransient(response.StatusCode));
    }

    // No word of ClickHouse's own: a proxy or a load balancer answered.
    private static bool IsTransient(HttpStatusCode status) =>
        (int)status >= 500 || status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests;

    private static Exception Innermost(Exception error) => error.InnerException is null ? error : Innermost(error.InnerException);
}
