using System.Runtime.InteropServices;
using System.Text;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Embedded;

/// <summary>
/// One connection of the engine on its own thread. Whoever took it from its pool has it alone until giving it back.
/// Every method without "Async" runs on that thread.
/// </summary>
internal sealed class EngineConnection
{
    private readonly EngineThread _thread;
    private readonly string[] _arguments;
    // chdb_connect's pointer to the connection; calls take what it points to.
    private nint _handle;
    private bool _isDirty;

    public EngineConnection(string name, string directory, params ReadOnlySpan<string> settings)
    {
        Name = name;
        Mark = name;
        _thread = new EngineThread("clickhouse " + name);
        // log_comment tells this connection's statements from all others in system.processes, for Kill.
        // On a terminal the engine would write its log and its progress across our table; its errors come by the calls.
        _arguments = ["clickhouse", "--path=" + directory, "--log_comment=" + name, "--progress=off", "--log-level=none", .. settings];
    }

    public string Name { get; }

    /// <summary>The log_comment of the statement under way: by it the statement is found and killed.</summary>
    public string Mark { get; private set; }

    public Task<T> RunAsync<T>(Func<T> call) => _thread.RunAsync(call);

    /// <summary>Opens the process's first connection, which starts the engine.</summary>
    /// <exception cref="LedgerException">The engine refused.</exception>
    public void Start()
    {
        var capture = StandardErrorCapture.Begin();
        string said;
        try
        {
            _handle = Connect();
        }
        finally
        {
            said = capture.End();
        }
        if (_handle == 0)
        {
            var reason = said.Length > 0 ? said : "it gave no reason; a program can have one directory open at a time.";
            throw ClickHouseErrors.FromText($"The embedded ClickHouse did not start with {_arguments[1]}: {reason}");
        }
        if (said.Length > 0)
            Console.Error.WriteLine(said);
    }

    /// <summary>Opens the connection if it is not, and renews one that a statement's settings or database have
    /// changed: that takes 0.1 ms, and nothing of a user's session can reach the next statement.</summary>
    public void Clean()
    {
        if (_handle != 0 && !_isDirty)
            return;
        Close();
        _isDirty = false;
        _handle = Connect();
        if (_handle == 0)
            throw new LedgerException($"The embedded ClickHouse refused to open connection {Name}.", isTransient: true);
    }

    /// <summary>The session may be changed by the next statement: it ends with it.</summary>
    public void MarkDirty() => _isDirty = true;

    /// <summary>Applies what holds for the next statement only.</summary>
    public void Prepare(string? database, IReadOnlyDictionary<string, string> settings)
    {
        Clean();
        Mark = settings.GetValueOrDefault("log_comment", Name);
        if (!string.IsNullOrEmpty(database) && !string.Equals(database, "default", StringComparison.Ordinal))
        {
            _isDirty = true;
            Run("USE " + SqlText.Identifier(database));
        }
        if (settings.Count == 0)
            return;
        _isDirty = true;
        var sql = new StringBuilder("SET ");
        foreach (var (name, value) in settings)
            sql.Append(sql.Length == 4 ? "" : ", ").Append(SqlText.Identifier(name)).Append(" = ").Append(SqlText.Literal(value));
        Run(sql.ToString());
    }

    /// <summary>What kind of statement this is, by the engine's own parser; nothing runs.</summary>
    public unsafe StatementClass Classify(string sql, out int statements)
    {
        var analysis = new StatementAnalysis { StructBytes = (uint)sizeof(StatementAnalysis) };
        using var texts = new NativeTexts(sql, "", EmbeddedQuery.None);
        if (Chdb.Classify(Current, texts.Sql, texts.SqlBytes, null, 0, &analysis) != 0)
            throw new LedgerException("The embedded ClickHouse could not read the statement.");
        statements = (int)analysis.Statements;
        return analysis.Class;
    }

    /// <summary>Runs the statement to its end; the caller destroys the result.</summary>
    public unsafe EngineResult Query(string sql, string format, IReadOnlyDictionary<string, string> parameters)
    {
        using var texts = new NativeTexts(sql, format, parameters);
        return EngineResult.Check(Chdb.Query(
            Current, texts.Sql, texts.SqlBytes, texts.Format, texts.FormatBytes,
            texts.Names, texts.NameBytes, texts.Values, texts.ValueBytes, texts.Count));
    }

    /// <summary>Begins a SELECT whose chunks <see cref="Fetch"/> returns.</summary>
    public unsafe EngineResult StreamQuery(string sql, string format, IReadOnlyDictionary<string, string> parameters)
    {
        using var texts = new NativeTexts(sql, format, parameters);
        return EngineResult.Check(Chdb.StreamQuery(
            Current, texts.Sql, texts.SqlBytes, texts.Format, texts.FormatBytes,
            texts.Names, texts.NameBytes, texts.Values, texts.ValueBytes, texts.Count));
    }

    /// <summary>The next chunk; empty = end.</summary>
    public EngineResult Fetch(EngineResult stream) => EngineResult.Check(Chdb.StreamFetch(Current, stream.Handle));

    public void CancelStream(EngineResult stream) => Chdb.StreamCancel(Current, stream.Handle);

    /// <summary>Begins an insert; the caller destroys the stream.</summary>
    public unsafe nint OpenInsert(EmbeddedInsert insert)
    {
        Prepare(insert.Database, insert.Settings);
        using var texts = new NativeTexts(insert.Sql, insert.Format, insert.Parameters);
        var stream = Chdb.InsertOpen(
            Current, texts.Sql, texts.SqlBytes, texts.Format, texts.FormatBytes,
            texts.Names, texts.NameBytes, texts.Values, texts.ValueBytes, texts.Count);
        if (Marshal.PtrToStringUTF8((nint)Chdb.InsertError(stream)) is not { } error)
            return stream;
        Chdb.InsertDestroy(stream);
        throw ClickHouseErrors.FromText(error);
    }

    /// <summary>Runs a statement whose result nobody needs.</summary>
    public void Run(string sql) => Query(sql, "Null", EmbeddedQuery.None).Destroy();

    /// <summary>Closes it and ends its thread. The last connection's end shuts the engine down.</summary>
    public async Task CloseAsync()
    {
        await RunAsync(() =>
        {
            Close();
            return true;
        }).ConfigureAwait(false);
        _thread.Dispose();
    }

    private void Close()
    {
        if (_handle == 0)
            return;
        Disconnect(_handle);
        _handle = 0;
    }

    private unsafe nint Current => *(nint*)_handle;

    private static unsafe void Disconnect(nint handle) => Chdb.Close((nint*)handle);

    private unsafe nint Connect()
    {
        var arguments = stackalloc byte*[_arguments.Length];
        for (var i = 0; i < _arguments.Length; i++)
            arguments[i] = (byte*)Marshal.StringToCoTaskMemUTF8(_arguments[i]);
        try
        {
            return (nint)Chdb.Connect(_arguments.Length, arguments);
        }
        finally
        {
            for (var i = 0; i < _arguments.Length; i++)
                Marshal.FreeCoTaskMem((nint)arguments[i]);
        }
    }
}
